// Measures on MicroPython's WebAssembly port, whose heap is that of a 32-bit board.
// node wasm.mjs PACKAGE TREE PLAN
// PACKAGE: folder of @micropython/micropython-webassembly-pyscript. TREE: folder whose files are
// put on MicroPython's path. PLAN: {"imports": [[id or null, [module] or null]], "operations": [id],
// "nodes": {id: [arguments of whole_node.start]}} as JSON.
// Prints {"kept": {id: bytes}, "garbage": {id: bytes}, "wire": {id: [bytes, datagrams]}}.

import fs from "fs";
import path from "path";
import { pathToFileURL } from "url";

const [folder, tree, text] = process.argv.slice(2);
const plan = JSON.parse(text);
const port = await import(pathToFileURL(path.join(folder, "micropython.mjs")));

// Node would print the line of the port's source, which is 100 KB long.
process.on("uncaughtException", (error) => {
  console.log(error.message);
  process.exit(1);
});

async function start() {
  const lines = [];
  const micropython = await port.loadMicroPython({
    heapsize: 1 << 23, // for a thousand observations
    stdout: (line) => lines.push(line),
  });
  copy(micropython.FS, tree, "/board");
  // Everything runs in calls of its own: this port collects garbage only between them.
  const run = (source) => micropython.runPython(source);
  run("import sys; sys.path.insert(0, '/board'); sys.path.insert(0, '/board/shim')");
  const value = (call) => {
    run(call);
    return JSON.parse(lines.pop());
  };
  return { run, value };
}

function copy(files, from, to) {
  files.mkdirTree(to);
  for (const entry of fs.readdirSync(from, { withFileTypes: true })) {
    const source = path.join(from, entry.name);
    const target = `${to}/${entry.name}`;
    if (entry.isDirectory()) copy(files, source, target);
    else files.writeFile(target, fs.readFileSync(source));
  }
}

async function kept() {
  const found = {};
  let board, last;
  for (const [id, modules] of [[null, null], ...plan.imports]) {
    if (modules === null) {
      board = await start();
      board.run("import gc\ndef allocated(): print(gc.mem_alloc())");
    }
    for (const module of modules ?? []) board.run(`import ${module}`);
    board.run("gc.collect()");
    const allocated = board.value("allocated()");
    if (id) found[id] = allocated - last;
    last = allocated;
  }
  return found;
}

// A node whose modem does not answer: the server's side is played by whole_node.py.
async function registered(started) {
  const { run, value } = await start();
  run("import asyncio, gc, json, machine, esp32, whole_node\ndef allocated(): print(gc.mem_alloc())");
  run("gc.collect()");
  const before = value("allocated()");
  run(`node = whole_node.start(*json.loads('${JSON.stringify(started)}'))`);
  await new Promise((resolve) => setTimeout(resolve, 500)); // asyncio runs on Node's event loop
  run("whole_node.serve(node)");
  run("gc.collect()");
  return value("allocated()") - before;
}

const result = { kept: await kept(), garbage: {}, wire: {} };
for (const id of plan.operations) {
  const { run, value } = await start();
  run("import operations");
  result.garbage[id] = value(`print(operations.garbage('${id}'))`);
  result.wire[id] = value(`print(list(operations.wire('${id}')))`);
}
for (const id in plan.nodes) result.kept[id] = await registered(plan.nodes[id]);
// The node's tasks would go on.
process.stdout.write(JSON.stringify(result) + "\n", () => process.exit(0));
