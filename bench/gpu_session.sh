#!/usr/bin/env bash
# One sitting on a machine with a GPU: smoke test, parity, bench, and a training run whose warm-up and cosine end in the
# time that is given, with its evaluation. --help tells the options.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit 1

help() {
  cat <<'TEXT'
bash bench/gpu_session.sh --deno=PATH --seconds=420 [--data_dir=DIR] [--out=DIR] [--run_dir=DIR]

  --deno=PATH        the Deno of `deno task setup`, in a checkout that is set up. Default: .byol/bin/deno
  --seconds=N        of the whole sitting. Default: 420
  --plan_seconds=N   of training and evaluation over all sittings, for a run that is longer than this one.
                     Default: what is left of --seconds
  --data_dir=DIR     CIFAR-10's binary files. Without it: the embedded images
  --out=DIR          where logs and encoder go: at most 8 files, each below 16 MiB. Default: gpu_session
  --run_dir=DIR      the training run; called again with the same one, the script resumes it.
                     Default: runs/gpu_session
  --parts=LIST       of smoke,parity,bench,train,eval. Default: all
  --hardware=WHAT    mono-gpu, or cpu to try the script. Default: mono-gpu
  --train_args=…     further options of `train`. Default: --precision=mixed on a GPU
  --eval_args=…      further options of `eval`
  --bench_args=…     further options of the bench. Default: --rounds=2 --peers=channels_last,compile,original --parts
  --measure_steps=N  steps that the rate is measured by. Default: 80

Relative paths are below the checkout. Python's torch, torchvision, numpy and safetensors serve parity and bench where
`python3` has them, or BYOL_ORACLE names their folder; without them parity fails and the bench measures ours alone. A
part that fails or takes too long is named, and the next one begins; the exit code is 1 where one did, and 75 where only
the training is not complete yet. Together the parts before the training take at most half of the time.

Epochs: 95 % of the measured rate, less one start and the evaluation's time; warm-up is an eighth of them, at most 10.
Evaluation: k-NN and a linear probe on cached features always; then the probe on views drawn anew each epoch, where its
estimate fits into what is left (the plan keeps that time where it is at most a fifth of the whole).
TEXT
}

deno=.byol/bin/deno seconds=420 plan_seconds='' data_dir='' out=gpu_session run_dir=runs/gpu_session
parts=smoke,parity,bench,train,eval hardware=mono-gpu train_args='' eval_args='' measure_steps=80
bench_args='--rounds=2 --peers=channels_last,compile,original --parts'
has_train_args=''
for option in "$@"; do
  value=${option#*=}
  case $option in
    --deno=*) deno=$value ;;
    --seconds=*) seconds=$value ;;
    --plan_seconds=*) plan_seconds=$value ;;
    --data_dir=*) data_dir=$value ;;
    --out=*) out=$value ;;
    --run_dir=*) run_dir=$value ;;
    --parts=*) parts=$value ;;
    --hardware=*) hardware=$value ;;
    --train_args=*) train_args=$value has_train_args=yes ;;
    --eval_args=*) eval_args=$value ;;
    --bench_args=*) bench_args=$value ;;
    --measure_steps=*) measure_steps=$value ;;
    --help) help; exit 0 ;;
    *) echo "Cannot take $option: expected an option of --help" >&2; exit 2 ;;
  esac
done
for part in ${parts//,/ }; do
  case $part in
    smoke | parity | bench | train | eval) ;;
    *) echo "Cannot run --parts=$parts: $part is none, expected smoke,parity,bench,train,eval" >&2; exit 2 ;;
  esac
done
for number in "$seconds" "${plan_seconds:-1}" "$measure_steps"; do
  if [[ ! $number =~ ^[1-9][0-9]*$ ]]; then
    echo "Cannot take $number: --seconds, --plan_seconds and --measure_steps are whole numbers from 1 on" >&2
    exit 2
  fi
done
if [[ ! -x $deno ]]; then
  echo "Cannot find Deno at $deno: expected --deno=PATH, and a checkout that is set up (deno task setup)" >&2
  exit 6
fi
if [[ -z $has_train_args && $hardware != cpu ]]; then train_args=--precision=mixed; fi
mkdir -p "$out" "$(dirname "$run_dir")" || exit 4
work=$(mktemp -d) || exit 4
trap 'rm -rf "$work"' EXIT
logs=$work/logs
mkdir "$logs"
exec > >(tee "$out/session.log") 2>&1
tee=$!
# What is said is shown, also where a program's own output is only kept.
exec 3>&1
failed='' incomplete=''
# What packing takes at the end.
packing=8

say() { echo "== $* (${SECONDS} s)" >&3; }
asked() { [[ ,$parts, == *,$1,* ]]; }
left() { echo $((seconds - packing - SECONDS)); }
fail() {
  say "FAILED: $1, exit code $2"
  failed=yes
}
# Seconds for a part before the training: its own limit, within half of the time where there is a training.
limit_before() {
  local most
  most=$(left)
  if asked train; then most=$((seconds / 2 - SECONDS)); fi
  echo $((most < $1 ? most : $1))
}
# run NAME SECONDS WORD…: with a time limit, its output shown and kept.
run() {
  local name=$1 limit=$2
  shift 2
  if ((limit < 5)); then
    say "LEFT OUT: $name, there are $limit s for it"
    return 124
  fi
  # One process, or a group of them that timeout ends with their leader.
  timeout --kill-after=20 "$limit" "$@" 2>&1 | tr '\r' '\n' | tee "$logs/$name.log"
  return "${PIPESTATUS[0]}"
}

data=(--dataset_name=demo)
if [[ -n $data_dir ]]; then
  data=(--dataset_name=cifar10 "--data_dir=$data_dir" --allow_unverified_data --offline)
fi
# Options are words: none of them holds a blank but a path, which is not among these.
read -ra train_words <<<"$train_args"
read -ra eval_words <<<"$eval_args"
read -ra bench_words <<<"$bench_args"
deno_run=("$deno" run --no-prompt --allow-all)
machine=("--hardware=$hardware")

say "machine"
date -u +%FT%TZ
nproc
if [[ $hardware != cpu ]]; then
  nvidia-smi --query-gpu=name,driver_version,memory.total --format=csv,noheader || fail nvidia-smi $?
fi
if [[ -z ${BYOL_ORACLE:-} ]]; then
  found=$(python3 -c 'import os, numpy, safetensors, torchvision, torch; print(os.path.dirname(os.path.dirname(torch.__file__)))' 2>/dev/null)
  if [[ -n $found ]]; then export BYOL_ORACLE=$found; fi
fi
echo "PyTorch beside: ${BYOL_ORACLE:-none of python3, or that of deno task test --oracle=install}"

if asked smoke; then
  say "smoke test: three steps, losses on the processor and on $hardware"
  for where in cpu "$hardware"; do
    name=smoke-$where
    if [[ -e $work/$name ]]; then name=smoke-again; fi
    run "$name" "$(limit_before 60)" "${deno_run[@]}" src/cli.ts train --dataset_name=demo --resnet_type=resnet20 \
      --batch_size=128 --max_steps=3 --log_every=1 --clsf_every=0 "--hardware=$where" "--run_dir=$work/$name" \
      >/dev/null || { fail "$name" $?; tail -n 3 "$logs/$name.log"; }
  done
  run losses 30 "${deno_run[@]}" bench/gpu_plan.ts losses "$work/smoke-cpu" "$work/$name" || fail losses $?
fi

if asked parity; then
  say "parity"
  device=cuda
  if [[ $hardware == cpu ]]; then device=cpu; fi
  most=$(limit_before 300)
  # The bench is to come to its turn, too.
  if asked bench; then most=$((most / 2)); fi
  run parity "$((most < 150 ? most : 150))" "${deno_run[@]}" bench/run.ts parity "--device=$device" || fail parity $?
fi

if asked bench; then
  say "bench"
  precision=()
  if [[ $train_args =~ --precision=[a-z]+ ]]; then precision=("${BASH_REMATCH[0]}"); fi
  run bench "$(limit_before 240)" "${deno_run[@]}" bench/run.ts step "${machine[@]}" --clock=wall \
    "${precision[@]}" "${bench_words[@]}" || fail bench $?
fi

plan=$run_dir.plan.json
# field NAME: a number of the plan.
field() { sed -n "s/.*\"$1\":\\([0-9]*\\).*/\\1/p" "$plan"; }
log_every=$((measure_steps / 4 > 0 ? measure_steps / 4 : 1))

make_plan() {
  local started=$SECONDS
  run measure "$(left)" "${deno_run[@]}" src/cli.ts train "${data[@]}" "${machine[@]}" "${train_words[@]}" \
    "--max_steps=$measure_steps" "--log_every=$log_every" --clsf_every=0 "--run_dir=$work/measure" >/dev/null || {
    tail -n 3 "$logs/measure.log"
    return 1
  }
  local wall=$((SECONDS - started)) most
  most=$(left)
  run plan 30 "${deno_run[@]}" bench/gpu_plan.ts plan "$work/measure" "--wall=$wall" \
    "--seconds=${plan_seconds:-$most}" || return 1
  grep '^{' "$logs/plan.log" >"$plan"
}

if asked train; then
  if [[ -e $plan ]]; then
    say "training: resumes $run_dir"
  else
    say "training: measuring the rate"
    make_plan || { fail plan $?; rm -f "$plan"; }
  fi
  if [[ -e $plan ]]; then
    epochs=$(field epochs) warmup=$(field warmupEpochs) limit=$(left)
    # The evaluation of what has ended in time; a run that has not is interrupted, and resumes another time.
    if asked eval && [[ -z $plan_seconds ]]; then limit=$((limit - $(field reserve) / 2)); fi
    say "training: $epochs epochs, $warmup of warm-up, at most $limit s"
    run train "$limit" "${deno_run[@]}" src/cli.ts train "${data[@]}" "${machine[@]}" "${train_words[@]}" \
      "--nb_epochs=$epochs" "--nb_epochs_warmup=$warmup" "--log_every=$log_every" --clsf_every=0 \
      --save_every_minutes=2 "--run_dir=$run_dir" >/dev/null
    code=$?
    tail -n 3 "$logs/train.log"
    # 124: timeout's own word for a run that it has told to stop.
    if [[ -e $run_dir/result.json ]]; then
      say "the training has ended: its schedule is complete"
    elif ((code == 75 || code == 124)); then
      say "the training is not complete: call again with --run_dir=$run_dir"
      incomplete=yes
    else
      fail train $code
    fi
  fi
fi

# evaluate NAME WORD…: of the finished run.
evaluate() {
  local name=$1
  shift
  # The runs' encoders name their own recipe of the probe.
  run "$name" "$(left)" "${deno_run[@]}" src/cli.ts eval "--checkpoint=$run_dir/encoder.safetensors" "${data[@]}" \
    "${machine[@]}" "${eval_words[@]}" "$@" --format=json || fail "$name" $?
}

if asked eval; then
  if [[ -e $run_dir/encoder.safetensors ]]; then
    say "evaluation: nearest neighbours, and a probe on cached features"
    evaluate eval-cached --clsf_augment=false
    kind=none
    if [[ -e $plan ]]; then
      kind=$("${deno_run[@]}" bench/gpu_plan.ts evaluation "$plan" "--left=$(left)")
    fi
    if [[ $kind == augmented ]]; then
      say "evaluation: a probe on views drawn anew each epoch"
      evaluate eval-augmented --clsf_augment=true
    else
      say "LEFT OUT: the probe on views drawn anew each epoch, there are $(left) s for it"
    fi
  else
    say "LEFT OUT: evaluation, $run_dir has no encoder yet"
  fi
fi

say "packing"
for file in config.json metrics.jsonl result.json; do
  if [[ -e $run_dir/$file ]]; then cp "$run_dir/$file" "$logs"; fi
done
if [[ -e $plan ]]; then cp "$plan" "$logs/plan.json"; fi
tar czf "$out/logs.tar.gz" -C "$work" logs || fail packing $?
rm -f "$out"/encoder.safetensors.part-*
if [[ -e $run_dir/encoder.safetensors ]]; then
  size=$(stat -c %s "$run_dir/encoder.safetensors")
  if ((size <= 6 * 15 * 1024 * 1024)); then
    split --bytes=15m --suffix-length=1 --numeric-suffixes "$run_dir/encoder.safetensors" "$out/encoder.safetensors.part-"
    echo "the encoder: cat $out/encoder.safetensors.part-* > encoder.safetensors, with SHA-256"
    sha256sum "$run_dir/encoder.safetensors"
  else
    echo "LEFT OUT: the encoder, $size bytes are more than six files of 15 MiB"
  fi
fi
say "done${failed:+, with failures}"
exec >&- 2>&- 3>&-
wait "$tee"
if [[ -n $failed ]]; then exit 1; fi
if [[ -n $incomplete ]]; then exit 75; fi
