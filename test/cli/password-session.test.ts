import { afterEach, beforeEach, expect, jest, test } from "bun:test";
import { PASSWORD_PROMPT, PASSWORD_REFUSAL, PasswordSession } from "../../src/cli/password-session.ts";

beforeEach(() => void jest.useFakeTimers());
afterEach(() => void jest.useRealTimers());

function open() {
  const said: string[] = [];
  const session = new PasswordSession(
    new Uint8Array([1, 2]),
    {
      write: (text) => said.push(String(text)),
      hold: () => undefined,
      next: () => {},
      end: () => said.push("(end)"),
    },
    () => said.push("(admitted)"),
  );
  return { said, session };
}

test("a wrong guess is answered a second later, and is the only one", () => {
  const { said, session } = open();
  session.line("\x01\x03");
  expect(session.ready).toBe(false);
  jest.advanceTimersByTime(999);
  expect(said).toEqual([PASSWORD_PROMPT]);
  jest.advanceTimersByTime(1);
  expect(said).toEqual([PASSWORD_PROMPT, PASSWORD_REFUSAL, "(end)"]);
  jest.advanceTimersByTime(1_000_000);
  expect(said).toHaveLength(3);
});

test("the right one is admitted at once, and no timer is left", () => {
  const { said, session } = open();
  session.line("\x01\x02");
  jest.advanceTimersByTime(1_000_000);
  expect(said).toEqual([PASSWORD_PROMPT, "(admitted)"]);
});

test("who says nothing is let go after a minute", () => {
  const { said } = open();
  jest.advanceTimersByTime(59_999);
  expect(said).toEqual([PASSWORD_PROMPT]);
  jest.advanceTimersByTime(1);
  expect(said).toEqual([PASSWORD_PROMPT, PASSWORD_REFUSAL, "(end)"]);
});

test("nothing is said to whom has gone", () => {
  const early = open();
  early.session.closed();
  const late = open();
  late.session.line("x");
  late.session.closed();
  jest.advanceTimersByTime(1_000_000);
  expect([early.said, late.said]).toEqual([[PASSWORD_PROMPT], [PASSWORD_PROMPT]]);
});
