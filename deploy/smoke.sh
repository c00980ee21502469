#!/usr/bin/env bash
# Does a new installation with two APIs work? `deploy/smoke.sh URL URL SETUP-TOKEN`: one account, one job, from end to end.
# The job is submitted to the first API and followed at the second. With an access token in $ACCESS no account is made.
# Needs curl and jq.
set -euo pipefail
first=$1 second=$2 token=${3:-}
email=smoke@example.org password=$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')
access=${ACCESS:-}

ask() {
    curl --silent --show-error --fail-with-body --max-time 60 "$@"
}

for url in "$first" "$second"; do
    ask --retry 30 --retry-delay 1 --retry-all-errors "$url/health/ready" >/dev/null
done

if [ -z "$access" ]; then
    ask "$first/api/auth/setup" --json '{
      "token": "'"$token"'", "email": "'"$email"'", "username": "smoke", "password": "'"$password"'"
    }'
    access=$(ask "$first/api/auth/login" --json '{"email": "'"$email"'", "password": "'"$password"'"}' |
        jq -r .access_token)
fi
auth="Authorization: Bearer $access"
[ "$(ask "$second/api/auth/profile" -H "$auth" | jq -r .role)" = admin ]

notes=$(mktemp)
trap 'rm -f "$notes"' EXIT
printf '# Tides\n\nThe moon draws the water of the sea. Twice a day the tide comes in.\n' >"$notes"
asset=$(ask "$first/api/assets" -H "$auth" -F type=document -F "file=@$notes;filename=notes.md" | jq -r .id)
for _ in $(seq 60); do
    state=$(ask "$second/api/assets/$asset" -H "$auth" | jq -r .state)
    [ "$state" != pending ] && [ "$state" != processing ] && break
    sleep 0.5
done
[ "$state" = ready ]

job=$(ask "$first/api/jobs" -H "$auth" -H 'Idempotency-Key: smoke' --json '{
  "pipeline": "'"${PIPELINE:-audio_lesson}"'", "inputs": {"notes": "'"$asset"'"}
}' | jq -r .id)
# The stream ends with the job.
events=$(ask --max-time 300 --no-buffer "$second/api/jobs/$job/events" -H "$auth")
grep -q '^event: end' <<<"$events"
results=$(ask "$second/api/jobs/$job/results" -H "$auth")
[ "$(jq -r .status <<<"$results")" = completed ]
bytes=$(ask "$(jq -r '.files | max_by(.size_bytes) | .link.url' <<<"$results")" | wc -c)
[ "$bytes" -gt 1000 ]
echo "a job of $(grep -c '^event: ' <<<"$events") events made $bytes bytes"
