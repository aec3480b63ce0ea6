// Requests by the npm package coap: node node_client.js JSON, with
//   {port, ack_timeout_s, requests: [{method, path, query, options: {NAME: "hex"}, payload: "hex",
//     observe, stop_ms, confirmable, token: "hex"}]}
// The requests run one after the other; one with observe goes on for stop_ms and is then
// deregistered. Prints a line of JSON for each response and each notification.
const { Agent, request, updateTiming } = require("coap");

const job = JSON.parse(process.argv[2]);
if (job.ack_timeout_s) {
  updateTiming({ ackTimeout: job.ack_timeout_s });
}
const agent = new Agent({ type: "udp4" });
// An agent without requests closes its socket, and the next request would come from elsewhere.
agent._requests = 1;

function show(what, code, payload) {
  console.log(JSON.stringify({ what, code, payload: payload.toString("hex") }));
}

function run(index) {
  if (index === job.requests.length) {
    process.exit(0);
  }
  const wanted = job.requests[index];
  const sent = request({
    agent,
    host: "127.0.0.1",
    port: job.port,
    method: wanted.method,
    pathname: wanted.path,
    query: wanted.query,
    observe: wanted.observe,
    confirmable: wanted.confirmable,
    token: wanted.token ? Buffer.from(wanted.token, "hex") : undefined,
  });
  for (const [name, value] of Object.entries(wanted.options || {})) {
    sent.setOption(name, Buffer.from(value, "hex"));
  }
  sent.on("error", (error) => {
    show("error", "", Buffer.from(String(error)));
    run(index + 1);
  });
  sent.on("response", (response) => {
    if (!wanted.observe || !response.close) {
      show("response", response.code, response.payload);
      run(index + 1);
      return;
    }
    response.on("data", (payload) => show("notification", response.code, payload));
    setTimeout(() => {
      response.close(true);
      setTimeout(() => run(index + 1), 300);
    }, wanted.stop_ms);
  });
  sent.end(wanted.payload === undefined ? undefined : Buffer.from(wanted.payload, "hex"));
}

run(0);
