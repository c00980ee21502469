#!/bin/sh
# Write the lock files anew from the distributions' metadata, with $UV. They name no host and no path.
set -eu

lock() {
    out=$1
    shift
    # fewest: the same versions on every Python, so that a film does not depend on the interpreter's version.
    "$UV" pip compile --quiet --universal --python-version 3.11 --fork-strategy fewest --generate-hashes \
        --no-emit-index-url --no-header --no-annotate \
        --no-emit-package coursewright --no-emit-package coursewright-api "$@" --output-file "$out"
}

lock requirements.lock engine/pyproject.toml api/pyproject.toml web/pyproject.toml plugins/*/pyproject.toml \
    --group pyproject.toml:build --constraints tools/lock.constraints
lock requirements-dev.lock --group pyproject.toml:dev --constraints requirements.lock
lock requirements-uv.lock --group pyproject.toml:uv
lock requirements-node.lock --group pyproject.toml:node
