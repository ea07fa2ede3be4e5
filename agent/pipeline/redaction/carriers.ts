import { words, type Carrier, type Program } from './program.js';

type Row = readonly [names: string, program: Program];

const command = (valued = '', operands = 0): { carries: Carrier } => ({
  carries: { valued: words(valued), operands },
});
const shell = (valued = '', operands = 0): { carries: Carrier } => ({
  carries: { valued: words(valued), operands, isShell: true },
});
const after = (marks: string): { carries: Carrier } => ({ carries: { after: words(marks) } });

const dashC = /^(?:-\w*c|--(?:session-)?command)$/;
/** `-c`, `-lc`, `-e`, `-ne`, `-r`. */
const programText = /^(?:-\w*[ceEr]|--(?:command|eval|print))$/;

const containerRun =
  '-e -p -v -h -u -w -l -m -c --env --name --publish --volume --network --net --hostname --user --workdir --label --memory --cpus --device --add-host --log-opt --log-driver --restart --entrypoint --mount --link --env-file --ip --dns --pull --platform --cap-add --cap-drop --security-opt --shm-size --ulimit --tmpfs --volumes-from --expose --pid --ipc --gpus --runtime --cidfile --health-cmd --secret';
const containerExec = '-e -u -w --env --user --workdir --env-file --detach-keys';

/** Programs that run another command, whose secrets are those of that command. */
export const carriers: readonly Row[] = [
  ['sh bash dash ash zsh ksh mksh csh tcsh fish rbash', { script: programText }],
  ['python perl ruby node nodejs php lua tclsh expect', { script: programText }],
  [
    'sudo',
    {
      ...command(
        '-u -g -h -p -C -r -t -T -U -D -R --user --group --host --prompt --chdir --close-from',
      ),
      reads: { what: 'secret', when: /^-\w*S$|^--stdin$/ },
    },
  ],
  ['doas', command('-u -C')],
  ['su', { script: dashC, reads: { what: 'secret' } }],
  ['runuser', { ...command('-u -g -G -s --user --group --shell'), script: dashC }],
  ['sg', { script: dashC }],
  ['env', { ...command('-u -C --unset --chdir'), script: /^(?:-S|-vS|--split-string)$/ }],
  [
    'xargs',
    command('-I -n -P -L -d -a -s -E --max-args --max-procs --replace --delimiter --arg-file'),
  ],
  ['timeout', command('-s -k --signal --kill-after', 1)],
  [
    'nohup setsid time busybox toybox command exec builtin unbuffer catchsegv eatmydata fakeroot proxychains proxychains4 torsocks torify tsocks then do else if while until ! {',
    command('-o -f -n'),
  ],
  ['nice', command('-n --adjustment')],
  ['ionice', command('-c -n -p --class --classdata')],
  ['chrt', command('-p -T -P -D', 1)],
  ['taskset', command('-p', 1)],
  ['numactl', command('-N -m -C -i -p')],
  ['stdbuf', command('-i -o -e')],
  ['chroot', command('--userspec --groups', 1)],
  ['flock', { ...command('-w -E --timeout --conflict-exit-code', 1), script: dashC }],
  ['script', { script: dashC }],
  ['strace ltrace', command('-o -e -p -s -u -E -a -S -P -I -b -O -X')],
  ['gdb', after('--args')],
  ['valgrind', command()],
  ['nsenter', command('-t -S -G --target --setuid --setgid')],
  ['unshare', command('-S -G -R -w --setuid --setgid --root --wd --map-user --map-group')],
  ['setpriv', command('--reuid --regid --groups --ruid --euid')],
  ['capsh', { script: dashC }],
  [
    'systemd-run',
    command(
      '-u -p -E -t -M -H --unit --property --setenv --uid --gid --slice --description --working-directory --on-calendar --on-active',
    ),
  ],
  ['systemd-inhibit', command('--what --who --why --mode')],
  ['start-stop-daemon', after('--')],
  ['daemonize', command('-a -c -e -o -p -l -u -E')],
  ['find', after('-exec -execdir -ok -okdir')],
  [
    'ssh dbclient rsh slogin',
    shell('-b -c -D -E -e -F -I -i -J -L -l -m -O -o -p -Q -R -S -W -w -B', 1),
  ],
  ['autossh', shell('-M -b -c -D -E -e -F -I -i -J -L -l -m -O -o -p -Q -R -S -W -w -B', 1)],
  ['watch', shell('-n --interval -q --equexit')],
  ['eval', shell()],
  [
    'parallel',
    shell(
      '-j -S -a -I -N -n --jobs --arg-file --sshlogin --delay --timeout --joblog --results --colsep',
    ),
  ],
  ['trap', { ...shell() }],
  ['docker:run', command(containerRun, 1)],
  ['docker:create', command(containerRun, 1)],
  ['docker:exec', command(containerExec, 1)],
  ['docker-compose:exec', command('-e -u -w --env --user --workdir --index', 1)],
  [
    'docker-compose:run',
    command('-e -u -w -p -v -l --env --user --workdir --name --entrypoint', 1),
  ],
  ['podman:run', command(containerRun, 1)],
  ['podman:create', command(containerRun, 1)],
  ['podman:exec', command(containerExec, 1)],
  ['nerdctl:run', command(containerRun, 1)],
  ['nerdctl:exec', command(containerExec, 1)],
  ['crictl:exec', command('', 1)],
  ['balena:exec', command(containerExec, 1)],
  ['kubectl:exec', command('-n -c --namespace --container --context --kubeconfig -l', 1)],
  ['kubectl:run', after('--')],
  ['k3s microk8s minikube', command()],
  ['oc:exec', command('-n -c --namespace --container', 1)],
  ['lxc:exec', command('--env --cwd --user --group', 1)],
  ['lxc-attach', command('-n -v -u -g --name --set-var')],
  ['machinectl:shell', command('--uid -E --setenv', 1)],
  ['pct:exec', command('', 1)],
  ['vagrant:ssh', { script: dashC }],
  ['adb:shell', shell()],
  ['ip:exec', command('', 1)],
];
