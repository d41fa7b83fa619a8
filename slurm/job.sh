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
# Exit code of a rank that lost another.
byol_lost=9
# Exit code of a node that cannot start Deno: set-up.
byol_no_deno=6

# Makes a private folder for the stop file: in /tmp itself, anyone on the node could make a file of that name and stop
# the job. Without a folder, the shell knows of a signal to the ranks from exit code 75 alone.
byol_make_folder() {
  local parent
  for parent in "${TMPDIR:-/tmp}" /tmp; do
    if byol_folder=$(mktemp -d "$parent/byol-XXXXXXXXXX" 2>/dev/null); then
      BYOL_STOP_FILE=$byol_folder/stop
      return
    fi
  done
  byol_folder='' BYOL_STOP_FILE=''
}

# Warns the ranks once: a second signal would end a rank without a save. The signal comes first, and nothing that
# follows may end the shell (set -e): on a full disk each write fails.
byol_warn() {
  if [[ -n $byol_warned ]]; then return; fi
  byol_warned=yes
  byol_forward
  if [[ -n $BYOL_STOP_FILE ]]; then : 2>/dev/null >"$BYOL_STOP_FILE" || :; fi
  byol_say "time is nearly up, stopping the ranks"
}

byol_forward() {
  if [[ -n $byol_srun ]]; then kill -USR2 "$byol_srun" 2>/dev/null || :; fi
}

# Removes the stop file with its folder.
byol_clean() {
  if [[ -n $byol_folder ]]; then rm -rf "$byol_folder" || :; fi
}

# Prints a line to the log, which may be on a full disk.
byol_say() {
  echo "slurm: $* ($(date '+%F %T'))" 2>/dev/null || :
}

# Copies the output of srun and the ranks to the log line by line. srun itself would end all ranks when it cannot write,
# as on a full disk, and they would be started again for nothing. The signals that stop the ranks must not end their
# output. Returns the exit code of the rank that failed, or 0: srun reports the largest code of its tasks, and the ranks
# that it ends because of the failure end with 143, or with 75 if they could still save. The loss of another rank is the
# failure only where that rank is not listed before.
byol_copy() {
  trap '' TERM INT HUP USR2
  local line code first='' failure=0
  while IFS= read -r line || [[ -n $line ]]; do
    printf '%s\n' "$line" 2>/dev/null || :
    if [[ $line =~ ^srun:\ error:\ [^\ ]+:\ tasks?\ [0-9,-]+:\ (.+)$ ]]; then
      # The end by a signal has its name, such as Killed.
      code=${BASH_REMATCH[1]#Exited with exit code }
      first=${first:-$code}
      # shellcheck disable=SC2053 # the right side is a pattern
      if ((failure == 0)) && [[ $code == $byol_hopeless ]]; then failure=$code; fi
    fi
  done
  if ((failure == 0)) && [[ $first == "$byol_lost" ]]; then failure=$byol_lost; fi
  return "$failure"
}

byol_warned='' byol_ended='' byol_signalled='' byol_srun='' byol_folder='' BYOL_STOP_FILE=''
trap byol_clean EXIT
trap 'byol_signalled=yes; byol_warn' USR2
# scancel, preemption and the time limit send SIGTERM; Slurm also sends it to the ranks.
trap 'byol_signalled=yes; byol_ended=yes' TERM
byol_make_folder
export BYOL_STOP_FILE

# Corrects the variables that sbatch passes on from a job to the jobs that it submits, and that Slurm does not set anew
# in a first run or outside of an array: with them, the job would requeue the other one. Without scontrol they stay.
byol_own_variables() {
  # For this job alone, not for jobs that it submits.
  export -n BYOL_RESTARTS_BEFORE
  if [[ -z ${SLURM_RESTART_COUNT:-}${SLURM_ARRAY_JOB_ID:-} ]]; then return; fi
  local records record
  records=$(scontrol --oneliner show job "$SLURM_JOB_ID" 2>/dev/null) || return 0
  # The last task of an array has the array's number: Slurm prints all tasks.
  local IFS=$'\n'
  for record in $records; do
    if [[ $record != "JobId=$SLURM_JOB_ID "* ]]; then continue; fi
    if [[ $record =~ \ Restarts=([0-9]+) ]]; then export SLURM_RESTART_COUNT=${BASH_REMATCH[1]}; fi
    if [[ $record != *' ArrayTaskId='* ]]; then unset "${!SLURM_ARRAY_@}"; fi
  done
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

# Command of a rank: becomes Deno, or says on which node it cannot. (For a program that is missing, srun itself reports
# 2, as for a wrong option.)
# shellcheck disable=SC2016 # the shell of the rank expands it
byol_start='shopt -s execfail
if command -v "$1" >/dev/null; then exec "$@"; fi
echo "slurm: no Deno at $1 on ${SLURMD_NODENAME:-$HOSTNAME}: run deno task setup, or set BYOL_DENO" >&2
exit '$byol_no_deno

# Prints the number of nodes for the ranks: of a job whose number Slurm chooses (BYOL_NODE_COUNTS, such as 1,2,4), the
# largest number of the list that the job was given.
byol_node_count() {
  local given=${SLURM_JOB_NUM_NODES:-1} count most=0
  for count in ${BYOL_NODE_COUNTS//,/ }; do
    if ((count <= given && count > most)); then most=$count; fi
  done
  echo "$((most > 0 ? most : given))"
}

# Prints the number of ranks of the job.
byol_rank_count() {
  if [[ -z ${BYOL_NODE_COUNTS:-} ]]; then
    echo "${SLURM_NTASKS:-1}"
  else
    echo "$(($(byol_node_count) * BYOL_RANKS_PER_NODE))"
  fi
}

# byol_ranks COMMAND [OPTIONS]: runs the program's COMMAND in one process for each rank. Sets byol_code.
byol_ranks() {
  byol_code=$byol_interrupted
  # A warning came before the ranks were started: start none.
  if [[ -n $byol_warned$byol_ended ]]; then return; fi
  # The variables of torchrun that a shell left in the environment would make every task the same rank.
  unset RANK WORLD_SIZE LOCAL_RANK LOCAL_WORLD_SIZE
  local log copier nodes cores=${SLURM_CPUS_PER_TASK:-1} size=()
  if [[ -n ${BYOL_NODE_COUNTS:-} ]]; then
    nodes=$(byol_node_count)
    size=(--nodes="$nodes" --ntasks="$((nodes * BYOL_RANKS_PER_NODE))" --ntasks-per-node="$BYOL_RANKS_PER_NODE")
    # sbatch was asked for a node's cores as those of one task.
    cores=$((cores / BYOL_RANKS_PER_NODE))
    byol_say "ranks on $nodes of ${SLURM_JOB_NUM_NODES:-1} nodes"
  fi
  exec {log}> >(byol_copy)
  copier=$!
  # srun does not take --cpus-per-task from sbatch, and without the option gives every rank one core.
  srun --kill-on-bad-exit=1 --cpus-per-task="$cores" ${size[@]+"${size[@]}"} \
    bash -c "$byol_start" bash \
    "$BYOL_DENO" run --cached-only --no-prompt -RWES --allow-ffi "$BYOL_ROOT/src/cli.ts" "$@" \
    </dev/null >&"$log" 2>&1 {log}>&- &
  byol_srun=$!
  exec {log}>&-
  if [[ -n $byol_warned ]]; then byol_forward; fi
  byol_wait "$byol_srun"
  byol_code=$byol_waited byol_srun=''
  # The last lines of the ranks come before those of this shell.
  byol_wait "$copier"
  if ((byol_waited > 0 && byol_waited <= byol_lost)); then byol_code=$byol_waited; fi
}

# byol_wait PROCESS: waits for the end of a process. Sets byol_waited to its exit code.
byol_wait() {
  local code
  # A trapped signal ends wait, but not the process: wait again.
  byol_signalled=again
  while [[ -n $byol_signalled ]]; do
    byol_signalled=''
    wait "$1" && code=0 || code=$?
    # 127: the signal came as the process ended, and an earlier wait has returned the exit code.
    if ((code != 127)); then byol_waited=$code; fi
  done
}

# Succeeds if the ranks stopped on a signal that this shell did not get: a rank has then written the stop file. With a
# GraceTime, preemption sends SIGTERM to the ranks only, and Slurm requeues only a job that still runs at the end of
# that time: a job that ends earlier must requeue itself. The accepted codes are those of a stopped rank (75) and of a
# rank that srun ended (143), but not that of a kill.
byol_stopped() {
  if [[ -n $byol_ended ]]; then return 1; fi
  case $byol_code in
    "$byol_interrupted") [[ -z $BYOL_STOP_FILE || -e $BYOL_STOP_FILE ]] ;;
    143) [[ -e $BYOL_STOP_FILE ]] ;;
    *) return 1 ;;
  esac
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
  # Slurm ends this shell as soon as the job is requeued: nothing may be left to do.
  byol_clean
  byol_say "stopped on a signal (ranks ended with $byol_code) after $restarts restarts: starting job $job again"
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
