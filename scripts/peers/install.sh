#!/usr/bin/env bash
# Makes the virtual environment of a peer, apart from ours: they need other versions of NumPy, pandas or PyTorch.
#   scripts/peers/install.sh recbole|implicit|lenskit PATH     reads PYTHON and, for RecBole, TORCH (a pip requirement)
set -euo pipefail

case "${1:-}" in
    # RecBole 1.2.1 calls np.float_ (gone in NumPy 2) and chained in-place fillna (broken by pandas 3, warned of
    # from 2.2); the ray 2.6 it depends on wants pkg_resources, which newer setuptools lacks. Python 3.9 to 3.11.
    recbole) pins=("${TORCH:-torch==2.13.0+cpu}" "setuptools<80" "numpy<2" "pandas<2.2" "recbole==1.2.1") ;;
    implicit) pins=("implicit==0.7.3") ;;
    lenskit) pins=("lenskit==2025.8.1") ;;
    *) pins=() ;;
esac
if [[ $# -ne 2 || ${#pins[@]} -eq 0 ]]; then
    echo "usage: $0 recbole|implicit|lenskit PATH_OF_THE_NEW_ENVIRONMENT" >&2
    exit 2
fi
if [[ -e "$2" ]]; then
    echo "$0: $2 exists already; name a new path or remove it" >&2
    exit 2
fi

"${PYTHON:-python3}" -m venv "$2"
if ! "$2/bin/pip" install "${pins[@]}"; then
    echo "$0: pip failed. If it found no torch '+cpu' build, point pip at PyTorch's CPU index," >&2
    echo "or accept the far larger default build with TORCH=torch==2.13.0" >&2
    exit 1
fi
"$2/bin/pip" list 2>/dev/null | grep -i -E "^($1|torch|numpy) "
