import { describe, expect, test } from "bun:test";
import { Delegates } from "../../src/engine/delegates.ts";
import { newTargetFlight } from "../../src/engine/flight.ts";
import { ALL_ANSWER_MAX, DELEGATES } from "../../src/engine/tuning.ts";
import type { NodeId } from "../../src/wire/brand.ts";

type Candidate = { readonly node: NodeId; readonly flight: ReturnType<typeof newTargetFlight>; loss: number };

function candidates(count: number): Candidate[] {
  return Array.from({ length: count }, (_, index) => ({
    node: BigInt(index + 1) as NodeId,
    flight: newTargetFlight(1 << 20),
    loss: 0,
  }));
}

function at(all: readonly Candidate[], index: number): Candidate {
  const one = all[index];
  if (one === undefined) throw new Error("no such candidate");
  return one;
}

describe("delegates", () => {
  test("few targets all answer, and all pace the flow; with one more, a few do", () => {
    const few = candidates(ALL_ANSWER_MAX);
    const all = new Delegates<Candidate>(few.length);
    all.choose(few);
    expect(all.ids()).toEqual([]);
    expect(all.flights).toHaveLength(ALL_ANSWER_MAX);
    const more = candidates(ALL_ANSWER_MAX + 1);
    const some = new Delegates<Candidate>(more.length);
    some.choose(more);
    expect(some.ids()).toHaveLength(DELEGATES);
    expect(some.flights).toHaveLength(DELEGATES);
  });

  test("while only few of many take part, they are named", () => {
    const delegates = new Delegates<Candidate>(100);
    delegates.choose(candidates(2));
    expect(delegates.ids()).toEqual([1n, 2n] as NodeId[]);
  });

  test("the one with the smallest buffer is among them", () => {
    const all = candidates(50);
    all[31] = { ...at(all, 31), flight: newTargetFlight(1 << 16) };
    const delegates = new Delegates<Candidate>(50);
    delegates.choose(all);
    expect(delegates.ids()).toContain(32n as NodeId);
  });

  test("one that loses much is named, and paces the flow as soon as it has answered, in the place of another", () => {
    const all = candidates(50);
    const delegates = new Delegates<Candidate>(50);
    delegates.choose(all);
    const lossy = at(all, 40);
    lossy.loss = 0.1;
    delegates.choose(all);
    expect(delegates.ids()).toContain(lossy.node);
    // What it has seen of the flow is not known yet: nobody waits for it.
    expect(delegates.flights).not.toContain(lossy.flight);
    delegates.onStatus(lossy);
    expect(delegates.flights).toContain(lossy.flight);
    delegates.choose(all);
    expect(delegates.flights).toContain(lossy.flight);
    expect(delegates.flights).toHaveLength(DELEGATES);
    expect(delegates.ids()).toHaveLength(DELEGATES);
  });

  test("a little more loss than theirs is no reason to change", () => {
    const all = candidates(50);
    const delegates = new Delegates<Candidate>(50);
    delegates.choose(all);
    const before = delegates.ids();
    at(all, 40).loss = 0.001;
    delegates.choose(all);
    expect(delegates.ids()).toEqual(before);
  });

  test("those who leave are replaced, and somebody always paces the flow", () => {
    const all = candidates(50);
    const delegates = new Delegates<Candidate>(50);
    delegates.choose(all);
    const rest = all.filter(({ node }) => !delegates.ids().includes(node));
    delegates.choose(rest);
    expect(delegates.flights).toHaveLength(DELEGATES);
    expect(rest.map(({ node }) => node)).toEqual(expect.arrayContaining([...delegates.ids()]));
  });
});
