"""Validates each line of a file of OCSF Detection Findings with py-ocsf-models.

usage: ocsf.py FILE
"""
import sys

from py_ocsf_models.events.findings.detection_finding import DetectionFinding

with open(sys.argv[1], encoding="utf-8") as lines:
    findings = [DetectionFinding.model_validate_json(line) for line in lines]
for finding in findings:
    assert finding.class_uid == 2004 and finding.type_uid.value == 200401, finding
    assert finding.finding_info.uid and finding.finding_info.title, finding
    assert finding.evidences, finding
assert findings, "the file holds no finding"
print(f"{len(findings)} Detection Findings are valid")
