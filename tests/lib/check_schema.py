"""check_schema.py SCHEMA FILE: every line of FILE keeps to the JSON Schema."""
import json
import sys

from jsonschema import Draft202012Validator

schema = json.load(open(sys.argv[1]))
Draft202012Validator.check_schema(schema)
validator = Draft202012Validator(schema, format_checker=Draft202012Validator.FORMAT_CHECKER)
bad = 0
lines = 0
for number, line in enumerate(open(sys.argv[2]), 1):
    lines += 1
    for error in validator.iter_errors(json.loads(line)):
        bad += 1
        print(f"line {number}: {error.json_path}: {error.message}\n  {line.strip()[:2000]}")
print(f"{lines} records, {bad} problems")
sys.exit(bad != 0 or lines == 0)
