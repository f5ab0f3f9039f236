/**
 * What a file reaches without importing it: globals and members, against the law. Globals are an allow-list: what is
 * neither language nor a power the room holds is red, so a global that tomorrow's runtime adds is red too.
 */

/**
 * @returns {{
 *   checkFacts: (room: string, path: string, facts: object) => void,
 *   checkPower: (room: string, path: string, power: string, line: number) => void,
 * }}
 */
export function makePowers(law, say) {
  /** Power → the capabilities that hold it. */
  const holders = new Map();
  for (const [capability, powers] of Object.entries(law.capabilities))
    for (const power of powers) holders.set(power, [...(holders.get(power) ?? []), capability]);
  const names = new Set([...holders.keys()].filter((power) => !power.startsWith('node:') && power.includes('.')));
  const partial = new Set([...names].map((power) => power.split('.')[0]));

  function checkPower(room, path, power, line) {
    const capabilities = holders.get(power);
    if (capabilities === undefined) return say(path, line, `${power} is a power that no capability names`);
    if (!capabilities.some((each) => law.rooms[room].capabilities.includes(each)))
      say(path, line, `${room} does not hold the capability ${capabilities.join(' or ')} (${power})`);
  }

  function checkGlobal(room, path, { path: reached, line, use }) {
    const [first, second] = reached.split('.');
    if (first === '*') return say(path, line, 'the global object is passed on, and everything with it');
    if (law.forbidden.includes(first)) return say(path, line, `${first} is forbidden everywhere`);
    const power = [`${first}.${second}`, first].find((each) => holders.has(each));
    if (power !== undefined) return checkPower(room, path, power, line);
    if (partial.has(first) && second === '*')
      return say(path, line, `${first} is passed on as a value, and its powers with it`);
    if (!law.language.includes(first)) return checkPower(room, path, second === undefined ? first : reached, line);
    // `Date()` and `new Date()` read the clock; `new Date(x)` does not.
    if (reached === 'Date' && use !== 'new') checkPower(room, path, 'Date.now', line);
  }

  /** Only the files that the law names may borrow a plaintext, and they never read one as a string or as JSON. */
  function checkPlaintext(path, { globals, members, imports }) {
    const { borrow, reads, files } = law.plaintext;
    const exceptions = files[path];
    if (exceptions === undefined) {
      for (const { name, line } of members)
        if (borrow.includes(name))
          say(path, line, `.${name} borrows a plaintext, which the law does not let this file do`);
      return;
    }
    const read = (name, line) => {
      if (!exceptions.includes(name)) say(path, line, `${name} could read a plaintext as a string`);
    };
    for (const { path: reached, line } of globals)
      if (reads.includes(reached.split('.')[0])) read(reached.replace(/\.\*$/, ''), line);
    for (const { name, line } of members)
      if (reads.includes(name) && !exceptions.includes(`String.${name}`)) read(name, line);
    for (const { specifier, typeOnly, line } of imports)
      if (!typeOnly && reads.includes(specifier)) read(specifier, line);
  }

  function checkFacts(room, path, facts) {
    for (const each of facts.globals) checkGlobal(room, path, each);
    for (const { name, line } of facts.members)
      if (law.forbiddenMembers.includes(name)) say(path, line, `.${name} is forbidden everywhere`);
    checkPlaintext(path, facts);
  }

  return { checkFacts, checkPower };
}
