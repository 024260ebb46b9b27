#!/usr/bin/env bash
# Makes RecBole's own virtual environment, apart from ours: it needs PyTorch and an older NumPy and pandas.
#   scripts/peers/install_recbole.sh PATH     reads PYTHON (3.9 to 3.11) and TORCH (a pip requirement)
set -euo pipefail

if [[ $# -ne 1 ]]; then
    echo "usage: $0 PATH_OF_THE_NEW_ENVIRONMENT" >&2
    exit 2
fi

if [[ -e "$1" ]]; then
    echo "$0: $1 exists already; name a new path or remove it" >&2
    exit 2
fi

"${PYTHON:-python3}" -m venv "$1"
# RecBole 1.2.1 calls np.float_ (gone in NumPy 2) and chained in-place fillna (broken by pandas 3, warned of
# from 2.2); the ray 2.6 it depends on wants pkg_resources, which newer setuptools lacks.
pins=("${TORCH:-torch==2.13.0+cpu}" "setuptools<80" "numpy<2" "pandas<2.2" "recbole==1.2.1")
if ! "$1/bin/pip" install "${pins[@]}"; then
    echo "$0: pip failed. If it found no torch '+cpu' build, point pip at PyTorch's CPU index," >&2
    echo "or accept the far larger default build with TORCH=torch==2.13.0" >&2
    exit 1
fi
"$1/bin/python" -c 'import recbole, torch; print("recbole", recbole.__version__, "torch", torch.__version__)'
