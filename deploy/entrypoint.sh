#!/bin/sh
# Secrets may come as files, as Docker and Kubernetes mount them: /run/secrets/COURSEWRIGHT_SECRET_JWT_KEY becomes the
# variable of that name, unless the environment has it.
set -eu
for file in /run/secrets/COURSEWRIGHT_*; do
    [ -f "$file" ] || continue
    name=${file##*/}
    case $name in
    *[!A-Za-z0-9_]*) continue ;;
    esac
    eval "given=\${$name+given}"
    [ -n "$given" ] || export "$name=$(cat "$file")"
done
exec "$@"
