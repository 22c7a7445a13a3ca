#!/usr/bin/env python3
"""Load on isrlu serve, by hey (https://github.com/rakyll/hey) on the same machine:

    go build ./cmd/isrlu && go install github.com/rakyll/hey@v0.1.4
    ./isrlu train --network conv3 --epochs 1 -o conv3.safetensors
    python3 docs/peers/serve_load.py ./isrlu conv3.safetensors

One image of 28x28 a request. Each line is the median of three runs by requests per
second; the processor time is the server's, the rows are those of its batches.
"""
import json
import os
import random
import re
import signal
import struct
import subprocess
import sys
import tempfile
import urllib.request

ADDRESS = "127.0.0.1:8093"
SERVERS = {
    "batches": [],
    "no batches": ["--max-batch", "1"],
    "2 ms delay": ["--max-delay", "2ms"],
}


def requests(folder):
    """Writes a request of each kind, and returns hey's arguments for it."""
    x = [random.gauss(0, 1) for _ in range(784)]
    tensor = {"name": "input", "shape": [1, 28, 28, 1], "datatype": "FP32"}
    binary = {"inputs": [tensor | {"parameters": {"binary_data_size": 4 * len(x)}}],
              "parameters": {"binary_data_output": True}}
    head = json.dumps(binary, separators=(",", ":")).encode()
    with open(folder + "/one.bin", "wb") as f:
        f.write(head + struct.pack("<784f", *x))
    with open(folder + "/one.json", "w") as f:
        json.dump({"inputs": [tensor | {"data": [round(v, 6) for v in x]}]}, f)
    length = f"Inference-Header-Content-Length: {len(head)}"
    return {"binary": ["-D", folder + "/one.bin", "-H", length], "JSON": ["-D", folder + "/one.json"]}


def processor_ms(pid):
    with open(f"/proc/{pid}/stat") as f:
        fields = f.read().rsplit(")", 1)[1].split()
    return 1000 * (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def batches():
    """Returns how many rows and batches there were."""
    text = urllib.request.urlopen(f"http://{ADDRESS}/metrics").read().decode()
    return [float(re.search(rf"isrlu_batch_rows_{k}{{.*?}} (\S+)", text)[1]) for k in ("sum", "count")]


def run(server, arguments, clients):
    before, rows = processor_ms(server.pid), batches()
    out = subprocess.run(["hey", "-z", "3s", "-c", str(clients), "-m", "POST", *arguments,
                          f"http://{ADDRESS}/v2/models/model/infer"], capture_output=True, text=True, check=True).stdout
    if bad := re.findall(r"\[[345]\d\d\]\s+\d+|Error distribution.*", out):
        sys.exit(f"answers other than 200: {bad}")
    answers = int(re.search(r"\[200\]\s+(\d+)", out)[1])
    took, after = processor_ms(server.pid) - before, batches()
    latency = [1000 * float(re.search(rf"{k}%+ in (\S+) secs", out)[1]) for k in (50, 99)]
    rate = float(re.search(r"Requests/sec:\s+(\S+)", out)[1])
    return [rate, *latency, took / answers, (after[0] - rows[0]) / (after[1] - rows[1])]


def main():
    isrlu, checkpoint = sys.argv[1:]
    print("| server | request | clients | requests/s | p50, ms | p99, ms | CPU, ms/request | rows of a batch |")
    print("|---|---|--:|--:|--:|--:|--:|--:|")
    with tempfile.TemporaryDirectory() as folder:
        kinds = requests(folder)
        for name, options in SERVERS.items():
            server = subprocess.Popen([isrlu, "serve", "model=" + checkpoint, "--listen", ADDRESS, "--max-queue", "4096",
                                       "--max-concurrent", "2048", *options], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
            server.stdout.readline()  # it is ready
            for kind, arguments in kinds.items():
                for clients in (1, 8, 64, 256):
                    rate, p50, p99, cpu, rows = sorted(run(server, arguments, clients) for _ in range(3))[1]
                    print(f"| {name} | {kind} | {clients} | {rate:.0f} | {p50:.1f} | {p99:.1f} | {cpu:.2f} | {rows:.1f} |", flush=True)
            server.send_signal(signal.SIGTERM)
            server.wait()


if __name__ == "__main__":
    main()
