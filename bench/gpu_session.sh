#!/bin/bash
# One sitting on a GPU: a smoke test, parity with PyTorch, the bench, then a training run whose schedule ends inside the
# time it is given, and its evaluation. Needs python3 with torch, and what a bundle brings (deno task setup --bundle).
#
#   bench/gpu_session.sh --deno=PATH --data_dir=CIFAR --out=DIR --run_dir=DIR --seconds=400
#       [--images_per_second=N] [--parts=smoke,parity,bench,train,eval] [--hardware=mono-gpu] [--precision=mixed] [-- options of train]
#
# --seconds is for training alone. The number of epochs is chosen once, from the images/s that are given or measured, and
# kept in RUN_DIR.epochs: called again with the same --run_dir, the run goes on to the end of the same schedule.
# A part that fails, or takes longer than it may, does not keep the next one from its turn; the exit code tells.

set -u -o pipefail

given=("$@")
deno=deno data="" out="" run_dir="" seconds=400 parts=smoke,parity,bench,train,eval hardware=mono-gpu precision=mixed inner="" rate=""
while [ $# -gt 0 ]; do
  case $1 in
    --deno=*) deno=${1#*=} ;;
    --data_dir=*) data=${1#*=} ;;
    --out=*) out=${1#*=} ;;
    --run_dir=*) run_dir=${1#*=} ;;
    --seconds=*) seconds=${1#*=} ;;
    --parts=*) parts=${1#*=} ;;
    --hardware=*) hardware=${1#*=} ;;
    --precision=*) precision=${1#*=} ;;
    --images_per_second=*) rate=${1#*=} ;;
    --inner=*) inner=${1#*=} ;;
    --) shift; break ;;
    *) echo "Cannot run with $1: expected an option of the list at the top of $0" >&2; exit 2 ;;
  esac
  shift
done
if [ -z "$out" ] || [ -z "$run_dir" ]; then
  echo "Cannot run without --out and --run_dir: expected two folders" >&2
  exit 2
fi
out=$(realpath -m "$out") run_dir=$(realpath -m "$run_dir")
script=$(realpath "$0")
[ -z "$data" ] || data=$(realpath "$data")
cd "$(dirname "$script")/.." || exit 2
mkdir -p "$out"
failed=0 device=cuda
[ "$hardware" = cpu ] && device=cpu
if [ -n "$data" ]; then
  images=(--dataset_name=cifar10 "--data_dir=$data" --allow_unverified_data)
else
  images=(--dataset_name=demo)
fi

# part NAME SECONDS: this script again, for one part, with a time limit; its output goes to OUT/NAME.txt, too.
part() {
  local name=$1 limit=$2 code=0
  case ,$parts, in *",$name,"*) ;; *) return 0 ;; esac
  echo "== $name"
  timeout --kill-after=10 "$limit" bash "$script" "--inner=$name" "${given[@]}" 2>&1 | tee -a "$out/$name.txt" || code=$?
  echo "== $name: exit code $code after $SECONDS s"
  [ "$code" = 0 ] || failed=1
}

byol() {
  "$deno" run --no-prompt --allow-all src/cli.ts "$@"
}

# The losses of three steps on the processor and on the GPU, in float32, from one seed.
smoke() {
  nvidia-smi --query-gpu=name,driver_version,memory.total --format=csv,noheader
  python3 -c 'import torch; print("torch", torch.__version__, "CUDA", torch.version.cuda)'
  local one folder
  for one in cpu "$hardware"; do
    folder=$(mktemp -d)
    byol train --dataset_name=demo --resnet_type=resnet20 --batch_size=128 --max_steps=3 --log_every=1 \
      --clsf_every=0 "--hardware=$one" "--run_dir=$folder/run" > "$folder/log" 2>&1 || { cat "$folder/log"; return 1; }
    echo "losses with --hardware=$one:"
    sed -n 's/.*"kind":"train".*"loss":\([0-9.]*\).*"gradient_norm":\([0-9.]*\).*/  loss \1, gradient norm \2/p' \
      "$folder/run/metrics.jsonl"
    rm -r "$folder"
  done
}

# Ten steps in float64, and a few of mixed precision, recomputed by PyTorch on the same device.
parity() {
  local folder code=0
  folder=$(mktemp -d)
  local small=(--dataset_name=demo --resnet_type=resnet20 --batch_size=32 --hidden_dim=128 --z_dim=32 --clsf_every=0)
  byol train "${small[@]}" --dtype=float64 --max_steps=10 --trace_steps=10 "--hardware=$hardware" \
    "--run_dir=$folder/a" "--trace_dir=$folder/float64" > "$folder/log" 2>&1 || { cat "$folder/log"; return 1; }
  echo "float64, 10 steps, within 1e-9:"
  python3 tests/parity/oracle/step.py "--device=$device" "$folder"/float64/*.safetensors || code=1
  if [ "$hardware" != cpu ]; then
    byol train "${small[@]}" --precision=mixed --max_steps=3 --trace_steps=3 "--hardware=$hardware" \
      "--run_dir=$folder/b" "--trace_dir=$folder/bf16" > "$folder/log" 2>&1 || { cat "$folder/log"; return 1; }
    echo "bf16, 3 steps, at most twice as far from float64 as PyTorch:"
    python3 tests/parity/oracle/step.py "--device=$device" --autocast=bf16 "$folder"/bf16/*.safetensors || code=1
  fi
  rm -r "$folder"
  return "$code"
}

bench() {
  BYOL_ORACLE=$(python3 -c 'import pathlib, torch; print(pathlib.Path(torch.__file__).parents[1])') || return 1
  export BYOL_ORACLE
  local run=("$deno" run --no-prompt --allow-all bench/run.ts step "--hardware=$hardware" "--precision=$precision")
  "${run[@]}" --batch_size=512 --rounds=3 --variant=cuda_graph=false --peers=channels_last,compile,original
  "${run[@]}" --resnet_type=resnet50 --image_size=224 --batch_size=256 --rounds=2 --steps=6 --peers=channels_last
}

# What images per second a run of this recipe makes, by the last of its lines after 60 steps.
measured_rate() {
  local folder
  folder=$(mktemp -d)
  byol train "${images[@]}" "$@" "--hardware=$hardware" "--precision=$precision" --max_steps=120 --clsf_every=0 \
    --log_every=60 "--run_dir=$folder/run" > "$folder/log" 2>&1 || { cat "$folder/log" >&2; return 1; }
  sed -n 's/.*"kind":"train".*"images_per_second":\([0-9]*\).*/\1/p' "$folder/run/metrics.jsonl" | tail -n 1
  rm -r "$folder"
}

# The whole schedule, warm-up and cosine, as many epochs as the time is enough for. A twentieth of it is kept for
# starting and checkpoints.
train() {
  local epochs images_of_epoch=49664
  [ -n "$data" ] || images_of_epoch=4608
  if [ -s "$run_dir.epochs" ]; then
    epochs=$(< "$run_dir.epochs")
  else
    rate=${rate:-$(measured_rate "$@")} || return 1
    epochs=$((rate * seconds * 19 / 20 / images_of_epoch))
    echo "$rate images/s: $epochs epochs in $seconds s"
    echo "$epochs" > "$run_dir.epochs"
  fi
  byol train "${images[@]}" "$@" "--nb_epochs=$epochs" "--hardware=$hardware" "--precision=$precision" \
    --log_every=50 --clsf_every=0 "--run_dir=$run_dir" || return 1
  cp "$run_dir/metrics.jsonl" "$out/metrics.jsonl"
  cp "$run_dir/encoder.safetensors" "$out/encoder.safetensors"
}

# k-NN and probes on features that are computed once, with standard errors, and on images that the probe never saw; then
# the original's protocol, 90 epochs of new crops, where the time is enough for it.
evaluate() {
  local folder split shared=("--checkpoint=$run_dir/encoder.safetensors" "--hardware=$hardware" "--precision=$precision")
  folder=$(mktemp -d)
  for split in train test; do
    byol embed "${images[@]}" "${shared[@]}" "--split=$split" "--out=$folder/$split.npy" || return 1
  done
  python3 bench/peers/probe_features.py "$folder/train.npy" "$folder/test.npy" "--device=$device" || return 1
  rm -r "$folder"
  byol eval "${images[@]}" "${shared[@]}"
}

case $inner in
  smoke | parity | bench) "$inner" ;;
  train) train "$@" ;;
  eval) evaluate ;;
  "")
    part smoke 60
    part parity 90
    part bench 240
    part train $((seconds + 60))
    part eval 180
    exit "$failed"
    ;;
  *) echo "Cannot run the part $inner: expected smoke, parity, bench, train or eval" >&2; exit 2 ;;
esac
