#!/usr/bin/env python3
"""Works on the shards of a trailproof plan on Apache Spark: verifies them, or surveys them.

Spark only schedules: each task runs `trailproof work` for one shard, which writes its record or its
survey whole to S3, or into a directory that all workers share. A task that fails, or whose executor is
lost, is started again; a shard that was worked on twice has the same bytes twice.

    spark-submit trailproof_spark.py --plan s3://BUCKET/run/plan.jsonl --shards 8500 \\
        --to s3://BUCKET/run --program trailproof --ship

`mapPartitions` checks the exit status of the program. `RDD.pipe` ignores it unless `checkCode` is set,
and a job would succeed without some of its shards.
"""

import argparse
import json
import os
import stat
import subprocess
import sys

from pyspark import SparkFiles
from pyspark.sql import SparkSession

# What a failed task shows of the program's messages.
SHOWN = 4_000


def in_s3(path):
    return path.startswith("s3://")


def shards_of(plan):
    """Returns the number of shards that the first line of a plan states."""
    with open(plan, encoding="utf-8") as lines:
        first = json.loads(lines.readline())
    if first.get("event") != "plan-started":
        sys.exit(f"error: `{plan}` is not a plan of `trailproof plan`")
    return first["shards"]


def verifier(plan, program, to, options):
    """Returns the work of a task: the shards of one partition, one after another."""

    def local(path, shipped):
        return SparkFiles.get(os.path.basename(path)) if shipped else path

    def verify(shards):
        binary = local(*program)
        if program[1]:
            os.chmod(binary, os.stat(binary).st_mode | stat.S_IXUSR)
        for shard in shards:
            done = subprocess.run(
                [binary, "work", local(*plan), "--shard", str(shard), "--to", to, "--quiet", *options],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                check=False,
            )
            if done.returncode != 0:
                words = done.stderr[-SHOWN:]
                raise RuntimeError(f"shard {shard}: exit status {done.returncode}: {words}")
            yield json.loads(done.stdout)

    return verify


def main():
    parser = argparse.ArgumentParser(description="Work on the shards of a plan on Apache Spark.")
    parser.add_argument("--plan", required=True, help="plan, written by `trailproof plan`: a file or s3://…")
    parser.add_argument("--shards", type=int, help="number of shards, as `trailproof plan` prints it; needed for s3://…")
    parser.add_argument("--to", required=True, help="place for what the shards write: s3://… or a directory that all workers share")
    parser.add_argument("--program", required=True, help="the trailproof program; with `--ship` also s3://…")
    parser.add_argument(
        "--ship",
        action="store_true",
        help="send the plan and the program to the workers; without it they have both in the same place",
    )
    parser.add_argument("options", nargs="*", help="options of `trailproof work`, after `--`")
    asked = parser.parse_args()

    if in_s3(asked.plan) and not asked.shards:
        parser.error("`--shards` is required for a plan in S3")
    context = SparkSession.builder.appName("trailproof").getOrCreate().sparkContext
    if asked.ship:
        if not in_s3(asked.plan):
            context.addFile(asked.plan)
        # A path, or a place that Spark can read, such as s3://BUCKET/trailproof.
        context.addFile(asked.program)
    number = asked.shards or shards_of(asked.plan)
    verify = verifier((asked.plan, asked.ship and not in_s3(asked.plan)), (asked.program, asked.ship), asked.to, asked.options)
    # One task for each shard: a lost task repeats one shard and not several.
    statuses = context.parallelize(range(number), number).mapPartitions(verify).collect()
    done = {status["shard"] for status in statuses}
    if done != set(range(number)):
        sys.exit(f"error: {number - len(done)} shards were not finished")
    changed = sum(status.get("digests_changed", 0) for status in statuses)
    print(json.dumps({"shards": number, "digests_changed": changed}))


if __name__ == "__main__":
    main()
