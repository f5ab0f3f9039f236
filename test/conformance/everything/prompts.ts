/** The prompts of the suite's server: plain, with arguments that complete themselves, and one that asks first. */
import {
  completable,
  inputRequired,
  inputResponse,
  type GetPromptResult,
  type McpServer,
} from '@modelcontextprotocol/server';
import { z } from 'zod';
import { image, resource, text } from './content.ts';
import { fields } from './forms.ts';

type Content = GetPromptResult['messages'][number]['content'];

const WORDS = ['paris', 'park', 'party', 'test'];
const completed = completable(z.string(), (begun) => WORDS.filter((word) => word.startsWith(begun)));
const say = (...contents: readonly Content[]): GetPromptResult => ({
  messages: contents.map((content) => ({ role: 'user', content })),
});

export function addPrompts(server: McpServer): void {
  server.registerPrompt('test_simple_prompt', { description: 'simple' }, () =>
    say(text('This is a simple prompt for testing.')),
  );
  server.registerPrompt(
    'test_prompt_with_arguments',
    { description: 'with arguments', argsSchema: z.object({ arg1: completed, arg2: z.string() }) },
    ({ arg1, arg2 }) => say(text(`Prompt with arguments: arg1='${arg1}', arg2='${arg2}'`)),
  );
  server.registerPrompt(
    'test_prompt_with_embedded_resource',
    { description: 'with a resource', argsSchema: z.object({ resourceUri: z.string() }) },
    ({ resourceUri }) =>
      say(
        resource(resourceUri, 'text/plain', 'Embedded resource content.'),
        text('Please process the embedded resource above.'),
      ),
  );
  server.registerPrompt('test_prompt_with_image', { description: 'with an image' }, () =>
    say(image, text('Please analyze the image above.')),
  );
  server.registerPrompt('test_input_required_result_prompt', { description: 'asks first' }, ({ mcpReq }) => {
    const given = inputResponse(mcpReq.inputResponses, 'user_context');
    if (given.kind === 'elicit') return say(text(`In this context: ${JSON.stringify(given.content)}`));
    const message = 'What context should the prompt use?';
    return inputRequired({
      inputRequests: { user_context: inputRequired.elicit({ message, requestedSchema: fields('context') }) },
    });
  });
}
