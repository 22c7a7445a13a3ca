// Runs ONNX models by onnxruntime-node for the Go package beside this file. A
// request is a line of JSON and, after it, the bytes that it announces; so is the
// answer.
'use strict';
const fs = require('fs');
const ort = require(process.argv[1] + '/node_modules/onnxruntime-node');

const arrays = {
  float32: Float32Array, float64: Float64Array, int64: BigInt64Array, int32: Int32Array,
  uint8: Uint8Array, int8: Int8Array, bool: Uint8Array,
};

let pending = Buffer.alloc(0);
function more() {
  const chunk = Buffer.alloc(1 << 16);
  const n = fs.readSync(0, chunk);
  if (n === 0) process.exit(0);
  pending = Buffer.concat([pending, chunk.subarray(0, n)]);
}
function line() {
  let end;
  while ((end = pending.indexOf(10)) < 0) more();
  const text = pending.toString('utf8', 0, end);
  pending = pending.subarray(end + 1);
  return JSON.parse(text);
}
function bytes(n) {
  const parts = [pending];
  let have = pending.length;
  while (have < n) {
    const chunk = Buffer.alloc(1 << 20);
    const k = fs.readSync(0, chunk);
    if (k === 0) process.exit(0);
    parts.push(chunk.subarray(0, k));
    have += k;
  }
  const all = Buffer.concat(parts);
  pending = all.subarray(n);
  return all.subarray(0, n);
}
function answer(header, data) {
  const all = Buffer.concat([Buffer.from(JSON.stringify(header) + '\n'), ...data]);
  for (let at = 0; at < all.length;) at += fs.writeSync(1, all, at);
}

const sessions = new Map();
let next = 1;
async function serve(request) {
  if (request.op === 'open') {
    const options = {logSeverityLevel: 3, executionProviders: ['cpu'],
      intraOpNumThreads: request.threads, interOpNumThreads: 1};
    const model = request.path || bytes(request.size);
    const session = await ort.InferenceSession.create(model, options);
    sessions.set(next, session);
    return [{id: next++, inputs: session.inputNames, outputs: session.outputNames}, []];
  }
  if (request.op === 'close') {
    await sessions.get(request.id).release();
    sessions.delete(request.id);
    return [{}, []];
  }
  const feeds = {};
  for (const t of request.tensors) {
    const data = Buffer.from(bytes(t.size)); // aligned
    const array = arrays[t.type];
    feeds[t.name] = new ort.Tensor(t.type, new array(data.buffer, data.byteOffset, data.length / array.BYTES_PER_ELEMENT), t.dims);
  }
  const session = sessions.get(request.id);
  const times = [];
  let results;
  for (let i = 0; i < request.runs; i++) {
    const start = process.hrtime.bigint();
    results = await session.run(feeds);
    times.push(Number(process.hrtime.bigint() - start));
  }
  const tensors = [], data = [];
  for (const name of session.outputNames) {
    const t = results[name], b = Buffer.from(t.data.buffer, t.data.byteOffset, t.data.byteLength);
    tensors.push({name, type: t.type, dims: t.dims, size: b.length});
    data.push(b);
  }
  return [{times, tensors}, data];
}

(async () => {
  answer({}, []);
  for (;;) {
    const request = line();
    try {
      answer(...await serve(request));
    } catch (e) {
      answer({error: String(e.message || e)}, []);
    }
  }
})();
