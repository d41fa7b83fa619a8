# shellcheck shell=bash
# Shell functions that run the ranks of a job and requeue the job. The scripts of this folder source this file.
#
# Slurm sends the warning before the time limit to this shell only (--signal=B:USR2@...), and the shell sends it through
# srun to the ranks. The shell must know of the warning: when the first rank exits, srun ends the others
# (--kill-on-bad-exit), and may exit with 143, the code of an ended rank, instead of 75. The file BYOL_STOP_FILE keeps a
# warning that comes before the ranks can receive it: ranks look for the file when they begin. SIGUSR1 is never sent,
# because it opens Deno's debugger port.

# Exit codes (src/base/exit_codes.ts) of failures that a restart cannot repair.
byol_hopeless='[1-8]'
byol_interrupted=75

byol_warned='' byol_ended='' byol_signalled='' byol_srun=''
BYOL_STOP_FILE=${TMPDIR:-/tmp}/byol-stop-$SLURM_JOB_ID-${SLURM_RESTART_COUNT:-0}-$$
export BYOL_STOP_FILE
trap 'rm -f "$BYOL_STOP_FILE"' EXIT
trap 'byol_signalled=yes; byol_warn' USR2
# scancel, preemption and the time limit send SIGTERM; Slurm also sends it to the ranks.
trap 'byol_signalled=yes; byol_ended=yes' TERM

# Warns the ranks once: a second signal would end a rank without a save.
byol_warn() {
  if [[ -n $byol_warned ]]; then return; fi
  byol_warned=yes
  byol_say "time is nearly up, stopping the ranks"
  : >"$BYOL_STOP_FILE"
  byol_forward
}

byol_forward() {
  if [[ -n $byol_srun ]]; then kill -USR2 "$byol_srun" 2>/dev/null || :; fi
}

byol_say() {
  echo "slurm: $* ($(date '+%F %T'))"
}

# Prints the name of the job for scontrol.
byol_job_id() {
  if [[ -n ${SLURM_ARRAY_JOB_ID:-} ]]; then
    echo "${SLURM_ARRAY_JOB_ID}_${SLURM_ARRAY_TASK_ID}"
  else
    echo "$SLURM_JOB_ID"
  fi
}

# Prints the number of restarts of this job. Slurm sets SLURM_RESTART_COUNT from the first restart on.
byol_restarts() {
  echo "$((${SLURM_RESTART_COUNT:-0} + ${BYOL_RESTARTS_BEFORE:-0}))"
}

# Prints the value of the last --$1=VALUE or --$1 VALUE among the other arguments.
byol_option() {
  local name=$1 value='' word follows=''
  shift
  for word; do
    if [[ -n $follows ]]; then
      value=$word follows=''
    elif [[ $word == "--$name" ]]; then
      follows=yes
    elif [[ $word == "--$name="* ]]; then
      value=${word#*=}
    fi
  done
  echo "$value"
}

# byol_ranks COMMAND [OPTIONS]: runs the program's COMMAND in one process for each rank. Sets byol_code.
byol_ranks() {
  byol_code=$byol_interrupted
  # A warning came before the ranks were started: start none.
  if [[ -n $byol_warned$byol_ended ]]; then return; fi
  # srun does not take --cpus-per-task from sbatch, and without the option gives every rank one core.
  srun --kill-on-bad-exit=1 --cpus-per-task="${SLURM_CPUS_PER_TASK:-1}" \
    "$BYOL_DENO" run --cached-only --no-prompt -RWES --allow-ffi "$BYOL_ROOT/src/cli.ts" "$@" </dev/null &
  byol_srun=$!
  if [[ -n $byol_warned ]]; then byol_forward; fi
  # A trapped signal ends wait, but not srun: wait again.
  local code
  byol_signalled=again
  while [[ -n $byol_signalled ]]; do
    byol_signalled=''
    wait "$byol_srun" && code=0 || code=$?
    # 127: the signal came as srun ended, and an earlier wait has returned the exit code.
    if ((code != 127)); then byol_code=$code; fi
  done
  byol_srun=''
}

# Succeeds if the ranks stopped on a signal that this shell did not get: a rank has then written the stop file. With a
# GraceTime, preemption sends SIGTERM to the ranks only, and Slurm requeues only a job that still runs at the end of
# that time: a job that ends earlier must requeue itself. The accepted codes are those of a stopped rank (75) and of a
# rank that srun ended (143), but not that of a kill.
byol_stopped() {
  [[ -z $byol_ended && -e $BYOL_STOP_FILE && ($byol_code == "$byol_interrupted" || $byol_code == 143) ]]
}

# byol_finish SCRIPT [ARGUMENTS]: ends the job with the ranks' exit code, or requeues the job if a restart helps.
byol_finish() {
  if ((byol_code == 0)); then exit 0; fi
  if [[ -n $byol_ended ]]; then
    byol_say "ended from outside (scancel, preemption or the time limit), ranks ended with $byol_code;" \
      "not starting again by itself: submit again to resume"
    exit "$byol_code"
  fi
  if byol_stopped; then byol_warned=yes; fi
  # shellcheck disable=SC2053 # the right side is a pattern
  if [[ $byol_code == $byol_hopeless || (-z $byol_warned && $byol_code != "$byol_interrupted") ]]; then
    byol_say "failed with $byol_code; not starting again"
    exit "$byol_code"
  fi
  if [[ ${BYOL_REQUEUE:-yes} != yes ]]; then
    byol_say "stopped on a signal; the next job on this run resumes"
    exit "$byol_interrupted"
  fi
  byol_start_again "$@"
  exit "$byol_interrupted"
}

# byol_start_again SCRIPT [ARGUMENTS]: requeues the job, or submits another job that resumes the run.
byol_start_again() {
  local script=$1 job restarts
  shift
  job=$(byol_job_id)
  restarts=$(byol_restarts)
  if ((restarts >= BYOL_MAX_RESTARTS)); then
    byol_say "started again $restarts times, the most that BYOL_MAX_RESTARTS allows; submit again to resume"
    return
  fi
  rm -f "$BYOL_STOP_FILE"
  byol_say "stopped on a signal (ranks ended with $byol_code) after $restarts restarts: starting job $job again"
  # Slurm ends this shell as soon as the job is requeued.
  if command -v scontrol >/dev/null && scontrol requeue "$job"; then return; fi
  # Compute nodes may lack scontrol: submit another job, which begins when this job has ended, with the same number of
  # ranks. The new job must not inherit SLURM_RESTART_COUNT, which would count as its own.
  local shape=(--nodes="${SLURM_JOB_NUM_NODES:-1}" --ntasks="${SLURM_NTASKS:-1}"
    --cpus-per-task="${SLURM_CPUS_PER_TASK:-1}")
  if command -v sbatch >/dev/null && env -u SLURM_RESTART_COUNT BYOL_RESTARTS_BEFORE="$((restarts + 1))" sbatch \
    "${shape[@]}" --dependency="afterany:$job" ${SLURM_ARRAY_TASK_ID:+--array="$SLURM_ARRAY_TASK_ID"} \
    "$script" "$@"; then
    return
  fi
  byol_say "neither scontrol nor sbatch could: submit again to resume"
}
