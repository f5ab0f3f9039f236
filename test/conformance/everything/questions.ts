/**
 * The tools of the suite's server that ask before they answer, written once for both eras: where there is a session the SDK
 * sends a tool's questions as requests of its own, otherwise the client gets them as a result and calls again with the answers.
 */
import {
  inputRequired,
  inputResponse,
  type InputRequests,
  type McpServer,
  type RequestStateCodec,
  type ServerContext,
} from '@modelcontextprotocol/server';
import { z } from 'zod';
import { declaredBy } from './capabilities.ts';
import { text } from './content.ts';
import { CHOICES, DEFAULTS, fields } from './forms.ts';

/** What a tool remembers between its rounds, signed. */
export interface Round {
  readonly round: number;
}

const sample = (said: string) =>
  inputRequired.createMessage({ messages: [{ role: 'user', content: text(said) }], maxTokens: 100 });
const form = (message: string, ...names: readonly string[]) =>
  inputRequired.elicit({ message, requestedSchema: fields(...names) });
const confirm = inputRequired.elicit({
  message: 'Please confirm',
  requestedSchema: { type: 'object', properties: { ok: { type: 'boolean' } }, required: ['ok'] },
});

/** Name → what to ask a caller that has not answered all of it; whether signed state goes along. */
const QUESTIONS: Readonly<Record<string, { ask: InputRequests; isSigned?: true }>> = {
  test_input_required_result_elicitation: { ask: { user_name: form('What is your name?', 'name') } },
  test_input_required_result_sampling: { ask: { capital_question: sample('What is the capital of France?') } },
  test_input_required_result_list_roots: { ask: { client_roots: inputRequired.listRoots() } },
  test_input_required_result_request_state: { ask: { confirm }, isSigned: true },
  test_input_required_result_tampered_state: { ask: { confirm }, isSigned: true },
  test_input_required_result_multiple_inputs: {
    ask: {
      user_name: form('What is your name?', 'name'),
      greeting: sample('Generate a greeting'),
      client_roots: inputRequired.listRoots(),
    },
    isSigned: true,
  },
  test_elicitation_sep1034_defaults: {
    ask: { form: inputRequired.elicit({ message: 'Please review the form', requestedSchema: DEFAULTS }) },
  },
  test_elicitation_sep1330_enums: {
    ask: { form: inputRequired.elicit({ message: 'Please choose', requestedSchema: CHOICES }) },
  },
  test_streaming_elicitation: { ask: { form: form('What is your name?', 'name') } },
  // Of a client that does not declare sampling the SDK does not ask it: it refuses the call.
  test_missing_capability: { ask: { answer: sample('What is the capital of France?') } },
};

export function addQuestions(server: McpServer, codec: RequestStateCodec<Round>): void {
  const none = z.object({});
  for (const [name, { ask, isSigned }] of Object.entries(QUESTIONS))
    server.registerTool(name, { description: name, inputSchema: none }, async (_, ctx) => {
      if (isAnswered(ctx, ask)) return answer(ctx);
      return inputRequired({
        inputRequests: ask,
        ...(isSigned === true ? { requestState: await codec.mint({ round: 1 }) } : {}),
      });
    });

  const message = z.object({ message: z.string() });
  server.registerTool('test_elicitation', { description: 'asks a person', inputSchema: message }, (given, ctx) => {
    const ask = { form: form(given.message, 'username', 'email') };
    return isAnswered(ctx, ask) ? answer(ctx) : inputRequired({ inputRequests: ask });
  });
  const prompt = z.object({ prompt: z.string() });
  server.registerTool('test_sampling', { description: 'asks a model', inputSchema: prompt }, (given, ctx) => {
    const ask = { answer: sample(given.prompt) };
    return isAnswered(ctx, ask) ? answer(ctx) : inputRequired({ inputRequests: ask });
  });

  const rounds = { description: 'asks twice', inputSchema: none };
  server.registerTool('test_input_required_result_multi_round', rounds, async (_, ctx) => {
    const { round } = ctx.mcpReq.requestState<Round>() ?? { round: 0 };
    const steps = [form('Step 1: What is your name?', 'name'), form('Step 2: What is your favorite color?', 'color')];
    // A round that was not answered is asked again.
    const next =
      round > 0 && inputResponse(ctx.mcpReq.inputResponses, `step${round}`).kind === 'missing' ? round - 1 : round;
    if (steps[next] === undefined) return answer(ctx);
    return inputRequired({
      inputRequests: { [`step${next + 1}`]: steps[next] },
      requestState: await codec.mint({ round: next + 1 }),
    });
  });

  const able = { description: 'asks what its caller can be asked', inputSchema: none };
  server.registerTool('test_input_required_result_capabilities', able, (_, ctx) => {
    const { sampling, elicitation } = declaredBy(ctx);
    const ask: InputRequests = {
      ...(sampling === undefined ? {} : { answer: sample('What is the capital of France?') }),
      ...(elicitation === undefined ? {} : { form: form('What is your name?', 'name') }),
    };
    return isAnswered(ctx, ask) ? answer(ctx) : inputRequired({ inputRequests: ask });
  });
}

function isAnswered({ mcpReq }: ServerContext, ask: InputRequests): boolean {
  return Object.keys(ask).every((key) => inputResponse(mcpReq.inputResponses, key).kind !== 'missing');
}

function answer({ mcpReq }: ServerContext) {
  return { content: [text(`Answers: ${JSON.stringify(mcpReq.inputResponses)}`)] };
}
