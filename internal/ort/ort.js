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
async function serve(request, data) {
  if (request.op === 'open') {
    const options = {logSeverityLevel: 3, executionProviders: ['cpu'],
      intraOpNumThreads: request.threads, interOpNumThreads: 1};
    const model = request.path || data[0];
    const session = await ort.InferenceSession.create(model, options);
    sessions.set(next, session);
    return [{id: next++, inputs: session.inputNames, outputs: session.outputNames}, []];
  }
  const session = sessions.get(request.id);
  if (!session) throw new Error('the session is closed');
  if (request.op === 'close') {
    sessions.delete(request.id);
    await session.release();
    return [{}, []];
  }
  const feeds = {};
  for (const [i, t] of (request.tensors || []).entries()) {
    const array = arrays[t.type];
    const elements = new array(new Uint8Array(data[i]).buffer); // a copy, which is aligned
    feeds[t.name] = new ort.Tensor(t.type, elements, t.dims);
  }
  const times = [];
  let results;
  for (let i = 0; i < request.runs; i++) {
    const start = process.hrtime.bigint();
    results = await session.run(feeds);
    times.push(Number(process.hrtime.bigint() - start));
  }
  const tensors = [], outputs = [];
  for (const name of session.outputNames) {
    const t = results[name];
    if (!ArrayBuffer.isView(t.data)) throw new Error(`output ${name} has the type ${t.type}, which is not supported`);
    const b = Buffer.from(t.data.buffer, t.data.byteOffset, t.data.byteLength);
    tensors.push({name, type: t.type, dims: t.dims, size: b.length});
    outputs.push(b);
  }
  return [{times, tensors}, outputs];
}

(async () => {
  answer({}, []);
  for (;;) {
    const request = line();
    // All of them, also if the request fails: the next one begins after them.
    const sizes = request.op === 'open' ? [request.size || 0] : (request.tensors || []).map(t => t.size);
    const data = sizes.map(bytes);
    try {
      answer(...await serve(request, data));
    } catch (e) {
      answer({error: String(e.message || e)}, []);
    }
  }
})();
