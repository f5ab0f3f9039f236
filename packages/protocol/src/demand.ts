/**
 * Rules as tables of demands, one for each member, in the order in which they are looked at. The table that decides is the
 * one that explains, so that the two never differ. Never a demand that another one makes up for.
 */

/** What each member of a rule demands of a request. */
export type Demands<Rule, Asked> = readonly (readonly [member: string, isMet: (rule: Rule, asked: Asked) => boolean])[];

/** What a list of rules says of a request. */
export interface Decision {
  readonly isAllowed: boolean;
  /** Index of the first rule that allows it, else of the one that came nearest; undefined where there is no rule. */
  readonly rule: number | undefined;
  /** Members of that rule that do not take the request; none where it is allowed. */
  readonly unmet: readonly string[];
}

/** Whether a rule's every demand is met. */
export function meets<Rule, Asked>(demands: Demands<Rule, Asked>, rule: Rule, asked: Asked): boolean {
  return demands.every(([, isMet]) => isMet(rule, asked));
}

/** Nearest is the rule with the fewest unmet demands; of two, the one that is left latest; then the first. */
export function explain<Rule, Asked>(demands: Demands<Rule, Asked>, rules: readonly Rule[], asked: Asked): Decision {
  const members = demands.map(([member]) => member);
  const [nearest] = rules
    .map((rule, index) => ({
      rule: index,
      unmet: demands.filter(([, isMet]) => !isMet(rule, asked)).map(([member]) => member),
    }))
    .sort(
      (a, b) =>
        a.unmet.length - b.unmet.length || members.indexOf(b.unmet[0] ?? '') - members.indexOf(a.unmet[0] ?? ''),
    );
  if (nearest === undefined) return { isAllowed: false, rule: undefined, unmet: [] };
  return { isAllowed: nearest.unmet.length === 0, ...nearest };
}
