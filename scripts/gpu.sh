#!/usr/bin/env bash
# All that is to be measured on a GPU, in one call of under ten minutes; see gpu.py.
#   scripts/gpu.sh                          results/benchmarks/gpu.csv and .txt
#   scripts/gpu.sh --device cpu --quick     the same way on generated data, where there is no GPU: a try, not a measurement
set -euo pipefail
exec "${PYTHON:-python3}" "$(dirname "$0")/gpu.py" "$@"
