import { type Unavailable, isUnavailable } from '../../../base/unavailable.js';
import type { Host } from '../../interface/host.js';
import type { OpenSource, Source, Told } from '../../interface/source.js';
import { readFileCall } from '../../kernel/audit/file-call.js';
import type { AuditRule } from '../../kernel/audit/source.js';
import { type Followed, openInotify } from './inotify.js';
import { Who } from './who.js';
import type { FileFacts } from './touch.js';

/**
 * Changes with who made them from the calls that audit records, and beside them those that inotify tells: of processes
 * that are older than audit, through files that were opened long before, and of paths without a rule.
 */
export function auditSource(followed: Followed): Source<FileFacts> {
  return { name: 'audit', open: (host, told) => open(followed, host, told) };
}

async function open(
  followed: Followed,
  host: Host,
  told: Told<FileFacts>,
): Promise<OpenSource | Unavailable> {
  const who = new Who(host);
  const rules = followed.places.auditRules();
  const watched = new Set(rules.map((rule) => ('watch' in rule ? rule.watch : '')));
  let unwatched: readonly string[] = [];
  let inotify: Awaited<ReturnType<typeof openInotify>> = { unavailable: '' };
  const subscribe = (wanted: readonly AuditRule[]): ReturnType<Host['audit']['subscribe']> =>
    host.audit.subscribe({
      name: 'FileChange',
      rules: wanted,
      onEvent: (event) => {
        const call = readFileCall(event);
        if (call === undefined) return;
        const doer = (): ReturnType<Who['of']> => who.of(call);
        for (const touch of followed.touchesOf(call, doer)) told.onFacts(touch);
      },
      lose: told.lose,
      onState: (state) => {
        const withoutInotify = isUnavailable(inotify) ? inotify.unavailable : inotify.refused;
        const missing = [state.limitation, followed.limitation, withoutInotify]
          .filter((text) => text !== undefined && text !== '')
          .join(' ');
        told.onState({ source: state.source, ...(missing !== '' && { limitation: missing }) });
      },
      onUnwatched: (paths) => {
        unwatched = paths.filter((path) => watched.has(path));
      },
      onFailed: told.onFailed,
    });
  inotify = await openInotify(followed, host, told);
  const opened = await subscribe(rules);
  const isBlind = unwatched.length === rules.length;
  if (isUnavailable(opened) || isBlind) {
    if (!isUnavailable(opened)) await opened.end();
    if (!isUnavailable(inotify)) await inotify.end();
    return isUnavailable(opened)
      ? opened
      : { unavailable: 'The kernel took none of the audit rules that watch files.' };
  }
  // Only now: where audit names nobody, each program that starts on the device would wake the agent for nothing.
  const following = await host.processes.follow({ onFailed: () => undefined });
  return {
    end: async () => {
      await opened.end();
      if (!isUnavailable(following)) following.end();
      if (!isUnavailable(inotify)) await inotify.end();
    },
  };
}
