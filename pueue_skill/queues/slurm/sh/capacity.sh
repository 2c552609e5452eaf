# Prints the reply line, then how much fits on the cluster at once: lines `partition|`, `limit|NAME|VALUE` and, if the site has accounts,
# `account|` and `qos|`. Then the end line.

. queues/slurm/sh/lib/site.sh

echo 'pueue-skill reply'
sinfo --noheader --format='partition|%P|%a|%l|%D|%c|%m|%G'
printf '%s\n' "$pq_config" | sed -n 's/^\(MaxArraySize\|MaxJobCount\|AccountingStorageEnforce\) *= */limit|\1|/p'
case $pq_config in *AccountingStorageType*accounting_storage/slurmdbd*)
    sacctmgr --noheader --parsable2 show associations user="$(id -un)" format=Account,Partition,QOS,MaxJobs,MaxSubmitJobs </dev/null | sed 's/^/account|/'
    sacctmgr --noheader --parsable2 show qos format=Name,MaxWall,MaxJobsPerUser,MaxSubmitJobsPerUser </dev/null | sed 's/^/qos|/'
    ;;
esac
echo 'pueue-skill end'
