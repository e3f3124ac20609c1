#!/bin/sh
# Print a Python that can build the environment: the one in .venv if there is one, else $PYTHON, else the system's own,
# which is built for speed (what a version manager compiles mostly is not, and takes a sixth longer), else the newest.
# A name on the path proves nothing (version managers leave shims for what is not there), so each is tried.
set -u
cd "$(dirname "$0")/.." || exit 1

new_enough='import sys; sys.exit(sys.version_info < (3, 11))'
complete='import ensurepip, venv'

if .venv/bin/python -I -c "import pip; $new_enough" 2>/dev/null; then
    echo .venv/bin/python
    exit 0
fi

seen=
for python in ${PYTHON:-/usr/bin/python3 python3.14 python3.13 python3.12 python3.11 python3}; do
    version=$("$python" -I -c 'import platform; print(platform.python_version())' 2>/dev/null) || continue
    if ! "$python" -I -c "$new_enough"; then
        seen="$seen  $python is $version\n"
    elif ! "$python" -I -c "$complete" 2>/dev/null; then
        seen="$seen  $python is $version, but its venv module is not installed\n"
    else
        echo "$python"
        exit 0
    fi
done

{
    echo "trunkline needs Python 3.11 or newer, with its venv module. Here:"
    printf '%b' "${seen:-  none was found\n}"
    echo "Install one (Debian and Ubuntu: the packages python3 and python3-venv; macOS: brew install python), or"
    echo "name one: make run PYTHON=/path/to/python3"
} >&2
exit 1
