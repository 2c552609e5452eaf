// OpenCode's plugin of pueue-skill: hands each shell command (before and after it runs), each prompt and the end of each turn
// to the program LAUNCH as JSON on stdin, and applies the JSON that it answers. An installer writes that program's path into a
// copy of this file in ~/.config/opencode/plugins. Whatever goes wrong with it, the command runs as it was proposed.

import { spawn } from "node:child_process"
import { resolve } from "node:path"

const LAUNCH = "__LAUNCH__"
const LIMIT = 5000 // milliseconds for an answer
const SHOWN = 2000 // characters of a command's output, from its end

// The answer to an event: an object, empty where there is none.
function ask(event, fields) {
  return new Promise((done) => {
    let said = ""
    const program = spawn(LAUNCH, [event, ...ARGUMENTS], { stdio: ["pipe", "pipe", "ignore"], detached: true })
    const timer = setTimeout(() => {
      done({})
      try {
        process.kill(-program.pid, "SIGKILL") // it leads a process group of its own: what it started goes too
      } catch {} // it has just ended
    }, LIMIT)
    const end = (code) => {
      clearTimeout(timer)
      let answer
      try {
        answer = code === 0 && JSON.parse(said)
      } catch {} // nothing, or no JSON
      done(answer && typeof answer === "object" ? answer : {})
    }
    program.on("error", end)
    program.on("close", end)
    program.stdin.on("error", () => {}) // it need not read
    program.stdout.setEncoding("utf8").on("data", (part) => (said += part))
    program.stdin.end(JSON.stringify({ agent: "opencode", hook_event_name: event, ...fields }))
  }).catch(() => ({}))
}

const text = (value) => typeof value === "string" && value !== ""

export const PueueSkill = async ({ client, directory }) => {
  const calls = new Map() // what is known of a shell call until it ends
  const starts = new Map() // session: why its next prompt is preceded by SessionStart, or "" once it has been
  const turns = new Map() // session: who answers the turn that goes on there
  const children = new Set() // sessions of subagents: an agent prompts them, not the user

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
    if (!text(go_on) || turns.has(session)) return // the user may have prompted in the meantime
    const { variant, ...id } = model
    const parts = [{ type: "text", text: go_on, synthetic: true }]
    await client.session.prompt({ path: { id: session }, body: { agent, model: id, variant, parts } }).catch(() => {})
  }

  return {
    event: async ({ event }) => {
      const { sessionID, info } = event.properties ?? {}
      if (event.type === "session.created" && info?.parentID) children.add(info.id)
      if (event.type === "session.compacted") starts.set(sessionID, "compact")
      if (event.type === "session.error") turns.delete(sessionID) // what the user has stopped is not taken up again
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
        const id = `${parts.at(-1).id}0` // parts are read in the order of their ids
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

    // Comes after the user has permitted the command, right before it runs.
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
