/** The skills of the suite's server (SEP-2640), as the SDK serves them: two, one of them with a folder. Data, and how it is loaded. */
import { memorySkillFiles, SkillsExtension, type SkillCatalog } from '@modelcontextprotocol/server/ext/skills';

const skill = (name: string, description: string): string =>
  ['---', `name: ${name}`, `description: ${description}`, '---', '', `# ${name}`, '', description, ''].join('\n');

const FILES = {
  'count-to-seven/SKILL.md': skill('count-to-seven', 'Counts from one to seven, and stops.'),
  'count-to-seven/references/NUMBERS.md': '# Numbers\n\nOne, two, three, four, five, six, seven.\n',
  'say-hello/SKILL.md': skill('say-hello', 'Greets whoever asks.'),
};

/** One on each page, so that whoever lists them has to turn it. */
export function loadSkills(): Promise<SkillCatalog> {
  return SkillsExtension.load(memorySkillFiles(FILES), { pageSize: 1, strict: true });
}
