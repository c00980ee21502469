#!/bin/sh
# Print the secrets of a new installation: `sh deploy/secrets.sh > .env`. Keep the file; it cannot be made again.
set -eu
umask 077

hex() {
    od -An -N"$1" -tx1 /dev/urandom | tr -d ' \n'
}

cat <<SECRETS
# Made by deploy/secrets.sh. compose.yaml reads it. Readable for you alone.
POSTGRES_PASSWORD=$(hex 24)
S3_ACCESS_KEY=GK$(hex 16)
S3_SECRET_KEY=$(hex 32)
S3_RPC_SECRET=$(hex 32)
JWT_KEY=$(hex 32)
METRICS_TOKEN=$(hex 24)
SECRETS
