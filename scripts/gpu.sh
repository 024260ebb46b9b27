#!/usr/bin/env bash
# All that is to be measured on a GPU, in one call of under ten minutes; see gpu.py.
#   scripts/gpu.sh                          results/benchmarks/gpu.csv and .txt
#   scripts/gpu.sh --device cpu --quick     the same way on generated data, where there is no GPU: a try, not a measurement
set -euo pipefail
python=${PYTHON:-python3}
if ! "$python" -c "import tensorflow, omegaconf" 2>/dev/null; then
  echo "$python has no TensorFlow or OmegaConf: activate the environment of 'pip install -e .[gpu]', or set PYTHON." >&2
  exit 2
fi
exec "$python" "$(dirname "$0")/gpu.py" "$@"
