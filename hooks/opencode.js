// The OpenCode plugin of pueue-skill. It passes each shell command (before and after it runs), each prompt and the end of each turn
// to the program LAUNCH as JSON on stdin, and applies the JSON answer. `install` writes the path of that program into a
// copy of this file in ~/.config/opencode/plugins. If anything fails, the command runs unchanged.

import { spawn } from "node:child_process"
import { resolve } from "node:path"

const LAUNCH = "__LAUNCH__"
const LIMIT = 5000 // milliseconds to wait for an answer
const SHOWN = 2000 // characters passed from the end of a command's output

// Returns the answer to an event as an object, which is empty if there is no answer.
function ask(event, fields) {
  return new Promise((done) => {
    let said = ""
    const program = spawn(LAUNCH, [event, ...ARGUMENTS], { stdio: ["pipe", "pipe", "ignore"], detached: true })
    const timer = setTimeout(() => {
      done({})
      try {
        process.kill(-program.pid, "SIGKILL") // it leads its own process group, so its children end too
      } catch {} // it has ended already
    }, LIMIT)
    const end = (code) => {
      clearTimeout(timer)
      let answer
      try {
        answer = code === 0 && JSON.parse(said)
      } catch {} // no output, or not JSON
      done(answer && typeof answer === "object" ? answer : {})
    }
    program.on("error", end)
    program.on("close", end)
    program.stdin.on("error", () => {}) // the program may not read its stdin
    program.stdout.setEncoding("utf8").on("data", (part) => (said += part))
    program.stdin.end(JSON.stringify({ agent: "opencode", hook_event_name: event, ...fields }))
  }).catch(() => ({}))
}

const text = (value) => typeof value === "string" && value !== ""

export const PueueSkill = async ({ client, directory }) => {
  const calls = new Map() // running shell calls
  const starts = new Map() // session: the source of the SessionStart to send before its next prompt, or "" once it was sent
  const turns = new Map() // session: agent and model of its current turn
  const children = new Set() // sessions of subagents, which an agent prompts, not the user

  const key = (input) => `${input.sessionID} ${input.callID}`
  const call = (input, args) => ({
    session_id: input.sessionID,
    cwd: resolve(directory, text(args.workdir) ? args.workdir : ""),
    tool_name: "Bash",
    tool_input: { ...args },
    tool_use_id: input.callID,
  })

  async function stop(session) {
    const turn = turns.get(session)
    if (!turns.delete(session)) return
    const { agent, model, again } = turn
    const { go_on } = await ask("Stop", { session_id: session, cwd: directory, stop_hook_active: again })
    if (!text(go_on) || turns.has(session)) return // the user may have sent a prompt in the meantime
    const { variant, ...id } = model
    const parts = [{ type: "text", text: go_on, synthetic: true }]
    await client.session.prompt({ path: { id: session }, body: { agent, model: id, variant, parts } }).catch(() => {})
  }

  return {
    event: async ({ event }) => {
      const { sessionID, info } = event.properties ?? {}
      if (event.type === "session.created" && info?.parentID) children.add(info.id)
      if (event.type === "session.compacted") starts.set(sessionID, "compact")
      if (event.type === "session.error") turns.delete(sessionID) // do not continue a turn that the user stopped
      if (event.type === "session.idle") await stop(sessionID)
    },

    "chat.message": async ({ sessionID }, { message, parts }) => {
      if (children.has(sessionID)) return
      const prompt = parts.flatMap((part) => (part.type === "text" && !part.synthetic ? [part.text] : [])).join("\n")
      turns.set(sessionID, { agent: message.agent, model: message.model, again: !prompt })
      if (!prompt) return
      const events = [["UserPromptSubmit", { prompt }]]
      const source = starts.get(sessionID) ?? "startup"
      if (source) events.unshift(["SessionStart", { source }])
      starts.set(sessionID, "")
      for (const [event, fields] of events) {
        const { context } = await ask(event, { session_id: sessionID, cwd: directory, ...fields })
        const id = `${parts.at(-1).id}0` // parts are ordered by ID
        if (text(context)) parts.push({ id, sessionID, messageID: message.id, type: "text", text: context, synthetic: true })
      }
    },

    "tool.execute.before": async (input, { args }) => {
      if (input.tool !== "bash" || !text(args?.command)) return
      const { deny, command, context } = await ask("PreToolUse", call(input, args))
      if (text(deny)) throw new Error(deny)
      if (text(command)) args.command = command
      calls.set(key(input), { args, context, start: Date.now() })
    },

    // Called after the user allowed the command, right before it runs.
    "shell.env": async (input, { env }) => {
      if (input.sessionID) env.PUEUE_SKILL_SESSION = input.sessionID
      const known = calls.get(key(input))
      if (known) known.start = Date.now()
    },

    "tool.execute.after": async (input, output) => {
      const known = calls.get(key(input))
      if (!calls.delete(key(input)) || !text(output?.output)) return
      const { context } = await ask("PostToolUse", {
        ...call(input, known.args),
        output: output.output.slice(-SHOWN).toWellFormed(),
        duration_ms: Date.now() - known.start,
        failed: output.metadata?.exit !== 0,
      })
      for (const added of [known.context, context]) if (text(added)) output.output += `\n\n${added}`
    },
  }
}
