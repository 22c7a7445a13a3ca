// Times the ONNX files that torch_networks.py wrote in ONNX Runtime, on one core.
//
//     npm install --ignore-scripts onnxruntime-node
//     NODE_PATH=node_modules taskset -c 1 node docs/peers/onnxruntime_networks.js FOLDER
//
// Prints the median and the best of 40 rounds, in which all networks take turns.

const fs = require("fs");
const path = require("path");
const ort = require("onnxruntime-node");

const batch = 100, rounds = 40, warmUp = 3;

async function main(folder) {
  const x = new ort.Tensor("float32", Float32Array.from({ length: batch * 784 }, () => Math.random()), [batch, 1, 28, 28]);
  const cells = [];
  for (const file of fs.readdirSync(folder).filter((f) => f.endsWith(".onnx")).sort()) {
    const session = await ort.InferenceSession.create(path.join(folder, file), {
      intraOpNumThreads: 1, interOpNumThreads: 1, graphOptimizationLevel: "all",
    });
    cells.push({ file, session, ms: [] });
  }
  for (let round = 0; round < rounds + warmUp; round++) {
    for (const { session, ms } of cells) {
      const begun = process.hrtime.bigint();
      await session.run({ [session.inputNames[0]]: x });
      if (round >= warmUp) ms.push(Number(process.hrtime.bigint() - begun) / 1e6);
    }
  }
  for (const { file, ms } of cells) {
    ms.sort((a, b) => a - b);
    console.log(`${file}: inference ${ms[ms.length >> 1].toFixed(2)} ms, best ${ms[0].toFixed(2)}`);
  }
}

main(process.argv[2]);
