// A server by the npm package coap: node node_server.js PORT; prints "ready".
//   large         GET: numbered lines of 16 bytes, ?size= bytes of them
//   large-update  GET, PUT
//   large-create  POST makes large-create/1 and so on, which can be got
//   large-post    POST returns the body twice
const { createServer } = require("coap");

const values = {};
let created = 0;

function lines(size) {
  let text = "";
  for (let number = 0; text.length < size; number++) {
    text += String(number).padStart(15, "0") + "\n";
  }
  return Buffer.from(text.slice(0, size));
}

const server = createServer((request, response) => {
  const [path, query] = request.url.slice(1).split("?");
  const size = /size=(\d+)/.exec(query || "");
  if (path === "large") {
    response.end(lines(size ? Number(size[1]) : 1500));
  } else if (path === "large-create" && request.method === "POST") {
    created += 1;
    values[`large-create/${created}`] = request.payload;
    response.code = "2.01";
    response.setOption("Location-Path", [Buffer.from("large-create"), Buffer.from(`${created}`)]);
    response.end();
  } else if (path === "large-post") {
    response.code = "2.04";
    response.end(Buffer.concat([request.payload, request.payload]));
  } else if (request.method === "PUT") {
    values[path] = request.payload;
    response.code = "2.04";
    response.end();
  } else if (values[path]) {
    response.end(values[path]);
  } else {
    response.code = "4.04";
    response.end();
  }
});

server.listen(Number(process.argv[2]), "127.0.0.1", () => console.log("ready"));
