# Stands between the program and its PostgreSQL server, and stops the server when the program is gone.
#
#   GUARD=$(cat guard.sh) sh -c 'eval "$GUARD"' NAME SECONDS SERVER [ARGUMENT...]   < the program's pipe
#
# Standard input is a pipe whose only writer is the program. However the program ends, kill -9
# included, the kernel closes that pipe; nothing has to be polled and nobody has to say goodbye.
# The guard ends with the server's exit status, so the program also learns of a server that died.

# By way of a variable it does not fill the lists of processes.
unset GUARD
patience=$1
shift

# A Ctrl-C, a closed terminal or a service manager's signal to everybody is the program's to answer:
# it may still have something to write. PostgreSQL sets its own handlers whatever it inherits.
trap '' HUP INT TERM USR1

# The server must not hold the pipe, nor wait on it.
exec 3<&0 </dev/null
"$@" 3<&- &
server=$!

# What it says goes nowhere, so that only the server and the guard itself hold the log open: the next
# start takes an open log for a server that still runs.
{
    trap - USR1
    while read -r _; do :; done <&3
    # "Fast": disconnects everybody and writes everything down.
    kill -INT "$server"
    sleep "$patience"
    # "Immediate": loses nothing either, but the next start has to recover.
    kill -QUIT "$server"
    sleep $((patience / 3))
    kill -KILL "$server"
} >/dev/null 2>&1 &
exec 3<&-

wait "$server"
status=$?
# Only the watcher above and its sleep are left in this process group.
kill -USR1 0
exit "$status"
