#!/usr/bin/env python3
"""Runs the Spark job on a cluster of three workers and disturbs it: the job must end without an error.

One shard fails once, one hangs until it is speculated on, an executor is killed, and a worker is
killed with its executor. Only processes that this script started, or their children, are killed.
"""

import argparse
import os
import pathlib
import signal
import socket
import subprocess
import sys
import time

import pyspark

HOME = pathlib.Path(pyspark.__file__).parent
# Seconds to wait for one step. A JVM starts slowly on a busy machine.
WAIT = int(os.environ.get("TRAILPROOF_SPARK_WAIT", "300"))
# Short-lived JVMs: little is compiled, and nothing listens on a fixed port.
JVM = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"
DAEMON = f"{JVM} -Dspark.master.rest.enabled=false"

# Runs the program, with one failure and one hanging task. The number of the shard is `$4`.
WRAPPER = """#!/bin/bash
echo "$4" >>"{folder}/started"
if [ "$4" = 1 ] && mkdir "{folder}/failed" 2>/dev/null; then exit 70; fi
if [ "$4" = {last} ] && mkdir "{folder}/hung" 2>/dev/null; then sleep 600; fi
sleep 1
exec "{program}" "$@"
"""


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def start(folder, name, *arguments):
    log = open(folder / f"{name}.log", "w", encoding="utf-8")
    environment = {
        **os.environ,
        "SPARK_HOME": str(HOME),
        "SPARK_LOCAL_IP": "127.0.0.1",
        "SPARK_DAEMON_JAVA_OPTS": DAEMON,
        "SPARK_DAEMON_MEMORY": "256m",
    }
    return subprocess.Popen(arguments, stdout=log, stderr=log, stdin=subprocess.DEVNULL, env=environment)


def children(pid):
    listed = subprocess.run(["pgrep", "-P", str(pid)], capture_output=True, text=True, check=False)
    return [int(line) for line in listed.stdout.split()]


def wait_for(what, done, job=None):
    begun = time.monotonic()
    while not done():
        if job is not None and job.poll() is not None:
            sys.exit(f"the job ended before: {what}")
        if time.monotonic() - begun > WAIT:
            sys.exit(f"timed out: {what}")
        time.sleep(0.2)


def main():
    parser = argparse.ArgumentParser()
    for name in ["--job", "--plan", "--to", "--program", "--folder"]:
        parser.add_argument(name, required=True)
    parser.add_argument("--shards", type=int, required=True)
    parser.add_argument("options", nargs="*")
    asked = parser.parse_args()
    folder = pathlib.Path(asked.folder)
    started = folder / "started"
    started.touch()
    wrapper = folder / "disturbed"
    words = WRAPPER.format(folder=folder, last=asked.shards - 1, program=asked.program)
    wrapper.write_text(words, encoding="utf-8")
    wrapper.chmod(0o755)

    run = str(HOME / "bin" / "spark-class")
    port = free_port()
    url = f"spark://127.0.0.1:{port}"
    master = "org.apache.spark.deploy.master.Master"
    worker = "org.apache.spark.deploy.worker.Worker"
    cluster = [
        start(folder, "master", run, master, "--host", "127.0.0.1", "--port", str(port), "--webui-port", "0")
    ]
    job = None
    try:
        log = folder / "master.log"
        wait_for("the master", lambda: "I have been elected leader" in log.read_text(encoding="utf-8"))
        for number in range(1, 4):
            host = f"127.0.0.{number}"
            work = str(folder / f"work-{number}")
            cluster.append(
                start(
                    folder, f"worker-{number}", run, worker, "--host", host, "--cores", "1",
                    "--memory", "1g", "--webui-port", "0", "--work-dir", work, url,
                )
            )
        settings = {
            "spark.executor.cores": "1",
            "spark.executor.memory": "512m",
            "spark.executor.extraJavaOptions": JVM,
            "spark.driver.extraJavaOptions": JVM,
            "spark.pyspark.python": sys.executable,
            "spark.speculation": "true",
            "spark.speculation.interval": "500ms",
            "spark.speculation.quantile": "0.5",
            "spark.speculation.multiplier": "3",
            "spark.ui.enabled": "false",
        }
        conf = [word for name, value in settings.items() for word in ("--conf", f"{name}={value}")]
        submit = [str(HOME / "bin" / "spark-submit"), "--master", url, *conf, asked.job]
        submit += ["--plan", asked.plan, "--to", asked.to, "--program", str(wrapper)]
        submit += ["--shards", str(asked.shards)]
        job = start(folder, "job", *submit, "--", *asked.options)

        def begun(number):
            return lambda: len(started.read_text(encoding="utf-8").split()) >= number

        wait_for("three shards", begun(3), job)
        executor = children(cluster[1].pid)
        for pid in executor:
            os.kill(pid, signal.SIGKILL)
        wait_for("six shards", begun(6), job)
        lost = children(cluster[2].pid)
        cluster[2].kill()
        for pid in lost:
            os.kill(pid, signal.SIGKILL)
        if not executor or not lost:
            sys.exit("there was no executor to kill")
        try:
            status = job.wait(timeout=WAIT)
        except subprocess.TimeoutExpired:
            sys.exit("the job does not end")
        text = (folder / "job.log").read_text(encoding="utf-8")
        if status != 0:
            sys.exit(f"the job failed with {status}:\n{text[-4000:]}")
        for name in ["failed", "hung"]:
            if not (folder / name).is_dir():
                sys.exit(f"no shard {name}")
        attempts = started.read_text(encoding="utf-8").split()
        print(f"{len(attempts)} attempts for {asked.shards} shards")
    finally:
        for process in [job, *cluster]:
            if process is not None and process.poll() is None:
                for pid in children(process.pid):
                    os.kill(pid, signal.SIGKILL)
                process.kill()
                process.wait()


if __name__ == "__main__":
    main()
