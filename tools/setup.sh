#!/bin/sh
# Make the virtual environment $VENV ready: `setup.sh run` for the product, `setup.sh test` for its tests as well.
# Needs Python 3.11 or newer with pip; everything else comes from the lock files, checked by hash.
set -eu
cd "$(dirname "$0")/.."
what=$1
VENV=${VENV:-.venv}
python=$VENV/bin/python

fail() {
    printf 'set-up stopped: %s\n' "$1" >&2
    exit 1
}

say() {
    printf '%s\n' "$1" >&2
}

new_enough() {
    "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null
}

find_python() {
    # 3.14 is the newest for which every package of the lock has a wheel, so it comes before what may be newer.
    for candidate in ${PYTHON:-python3.13 python3.12 python3.11 python3.14 python3 python}; do
        if new_enough "$candidate"; then
            printf '%s\n' "$candidate"
            return
        fi
    done
    if [ -n "${PYTHON:-}" ]; then
        fail "PYTHON=$PYTHON is not a Python 3.11 or newer"
    fi
    fail "no Python 3.11 or newer was found; install one, or name it: make PYTHON=/path/to/python3.12 …"
}

# pip of the environment itself, or, where the system keeps ensurepip in a package of its own, the system's pip.
pip() {
    if "$python" -m pip --version >/dev/null 2>&1; then
        "$python" -m pip --disable-pip-version-check "$@"
    else
        "$(find_python)" -m pip --disable-pip-version-check --python "$python" "$@"
    fi
}

make_environment() {
    base=$(find_python)
    say "Making $VENV with $("$base" --version 2>&1)"
    "$base" -m venv --clear "$VENV" >/dev/null 2>&1 && return
    "$base" -m venv --clear --without-pip "$VENV" >/dev/null 2>&1 && pip --version >/dev/null 2>&1 && return
    rm -rf "$VENV"
    fail "$base cannot make a virtual environment; on Debian and Ubuntu: apt install python3-venv"
}

# Install with uv, or with pip where uv cannot: it does not read pip's settings (a mirror, a proxy's certificate).
install() {
    if [ "$installer" = uv ]; then
        "$VENV/bin/uv" pip install --quiet --python "$python" "$@"
    else
        pip install --quiet "$@"
    fi
}

install_packages() {
    installer=uv
    [ -x "$VENV/bin/uv" ] || pip install --quiet --require-hashes -r requirements-uv.lock || installer=pip
    install --require-hashes "$@" && return
    [ "$installer" = uv ] || fail "the packages could not be installed; the lines above say why"
    say "uv could not install the packages; trying pip, which is slower"
    installer=pip
    install --require-hashes "$@" || fail "the packages could not be installed; the lines above say why"
}

# The pages are built with Node.js, and export.scorm fetches the schema files of its packages with npm.
install_npm() {
    version=$(npm --version 2>/dev/null && node --version 2>/dev/null) && version=${version##*v} &&
        [ "${version%%.*}" -ge 20 ] && return
    install --require-hashes -r requirements-node.lock || fail "Node.js is missing; install Node.js 20 or newer"
    PATH=$(cd "$VENV/bin" && pwd):$PATH
}

install_distributions() {
    editables=
    for project in */pyproject.toml plugins/*/pyproject.toml; do
        editables="$editables -e ${project%/pyproject.toml}"
    done
    # shellcheck disable=SC2086  # the names of the folders hold no spaces
    install --no-deps --no-build-isolation $editables ||
        fail "the project's own distributions could not be built; the lines above say why"
}

# What is built from source is built with the locked versions too.
export UV_BUILD_CONSTRAINT=requirements.lock PIP_BUILD_CONSTRAINT=requirements.lock

# Programs that some tests use and that come from npm, such as the LMS run time of the SCORM tests.
install_npm_of_tests() {
    for lock in plugins/*/tests/npm/package-lock.json web/tests/npm/package-lock.json; do
        folder=${lock%/*}
        [ ! -e "$lock" ] || [ "$folder/node_modules/.package-lock.json" -nt "$lock" ] ||
            (cd "$folder" && npm ci --ignore-scripts --no-audit --no-fund --silent) ||
            fail "npm could not install what $lock names; is there a network?"
    done
}

# The browser of some tests: the machine's own, or the one that Playwright brings.
install_browser() {
    "$VENV/bin/playwright" --version >/dev/null 2>&1 ||
        say "Playwright does not start, so the tests that need a browser will fail; on Debian: apt install libatomic1"
    for browser in chromium-headless-shell chromium chromium-browser google-chrome google-chrome-stable; do
        command -v "$browser" >/dev/null && return
    done
    "$VENV/bin/playwright" install --only-shell chromium >/dev/null 2>&1 ||
        say "no Chromium or Chrome was found, so the tests that need a browser will fail; on Debian: apt install chromium-headless-shell"
}

new_enough "$python" || make_environment
# After the machine's own programs: npm of the wheel is for machines that have none.
PATH=$PATH:$(cd "$VENV/bin" && pwd)
say "Installing packages (once; a minute or two)"
if [ "$what" = test ]; then
    install_packages -r requirements.lock -r requirements-dev.lock
else
    install_packages -r requirements.lock
fi
install_npm
install_distributions
"$VENV/bin/coursewright" schema -o docs/pipeline.schema.json # what the editors of pipelines/ read
"$VENV/bin/coursewright" doctor --prepare >/dev/null || "$VENV/bin/coursewright" doctor || true
if [ "$what" = test ]; then
    install_npm_of_tests
    install_browser
    "$python" tools/swift.py || fail "the S3 server that the store's tests talk to is missing; the line above says why"
fi
