#!/usr/bin/python3
"""Imports very many addresses into a service of its own: rows per second, peak memory, again, and live blocks.

    tests/bench/bench_import.py [ROWS]        (2,000,000; HOTSIDE_BIN names the program)
"""

import http.client
import json
import sys
import tempfile
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "e2e"))

from harness import Service, SimNode, eventually  # noqa: E402
from many import addresses  # noqa: E402


def write_table(path, rows):
    with path.open("w") as out:
        out.write("address,reference,label\n")
        for i, address in enumerate(addresses(rows, first=7)):
            out.write("%s,user-%d,\n" % (address, i))
        out.write("nonsense,,\n")


def peak_mib(pid):
    for line in Path("/proc/%d/status" % pid).read_text().splitlines():
        if line.startswith("VmHWM"):
            return int(line.split()[1]) / 1024
    return 0


def upload(service, path):
    link = http.client.HTTPConnection("127.0.0.1", service.port, timeout=3600)
    begin = time.monotonic()
    with path.open("rb") as body:
        link.request("POST", "/v1/addresses/import", body,
                     {"Content-Type": "text/csv", "Content-Length": str(path.stat().st_size)})
        answer = json.loads(link.getresponse().read())
    return answer, time.monotonic() - begin


def main():
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else 2_000_000
    with tempfile.TemporaryDirectory() as folder:
        where = Path(folder)
        write_table(where / "addresses.csv", rows)
        with SimNode(where, "dev") as node:
            config = {"log": {"level": "info"}}
            with Service(where, [(node.endpoint, node.token_file)], **config) as service:
                pid = service.program.process.pid
                print("before: %.0f MiB" % peak_mib(pid), flush=True)
                for what in ("first", "again"):
                    waits, stop = [], threading.Event()

                    def blocks():
                        while not stop.is_set():
                            begin = time.monotonic()
                            tip = node.do("grow")[0].rsplit(" ", 1)[1]
                            eventually(lambda: (service.through() or {}).get("block_hash") == tip, "a block", 600)
                            waits.append(time.monotonic() - begin)
                            stop.wait(0.5)

                    chain = threading.Thread(target=blocks)
                    chain.start()
                    answer, seconds = upload(service, where / "addresses.csv")
                    stop.set()
                    chain.join()
                    waits.sort()
                    size = sum(f.stat().st_size for f in where.glob("serve.db*")) / 2**20
                    print("%s: %s in %.1f s, %.0f rows/s, peak %.0f MiB, store %.0f MiB, "
                          "block to reader median %.0f ms, worst %.0f ms" % (
                              what, answer, seconds, rows / seconds, peak_mib(pid), size,
                              waits[len(waits) // 2] * 1000, waits[-1] * 1000), flush=True)


if __name__ == "__main__":
    main()
