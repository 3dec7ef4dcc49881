"""Reads a file of metrics with prometheus_client, the parser of Prometheus's own Python client, and
checks what the textfile collector of the node exporter requires.

usage: metrics.py FILE VERDICT
"""
import sys

from prometheus_client.parser import text_string_to_metric_families

with open(sys.argv[1], encoding="utf-8", newline="") as file:
    text = file.read()
assert text.endswith("\n"), "the last line does not end"
families = list(text_string_to_metric_families(text))
names = [family.name for family in families]
assert len(names) == len(set(names)), "a metric is announced twice"
seen = set()
for family in families:
    assert family.type == "gauge" and family.documentation, family
    assert family.samples or family.name.startswith("trailproof_chain_"), family
    for sample in family.samples:
        assert sample.timestamp is None, sample
        assert sample.name == family.name and sample.name.startswith("trailproof_"), sample
        assert sample.labels["location"].startswith("s3://"), sample
        series = (sample.name, tuple(sorted(sample.labels.items())))
        assert series not in seen, f"{series} is there twice"
        seen.add(series)
verdicts = {
    sample.labels["verdict"]: sample.value
    for family in families
    if family.name == "trailproof_verdict"
    for sample in family.samples
}
assert len(verdicts) == 4 and sum(verdicts.values()) == 1 and verdicts[sys.argv[2]] == 1, verdicts
print(f"{len(seen)} samples of {len(families)} metrics are valid")
