/** Tuning values: free to change without a change of the protocol. All times in microseconds. */

/** HELLO: shortest interval, and the share of it that each member adds (125 HELLO packets a second in all in large groups, up to 200 when members have started together). */
export const HELLO_INTERVAL_US_MIN = 750_000;
export const HELLO_SPACING_US = 8_000;
/** Answers to a *solicit* are spread over at least this. */
export const HELLO_ANSWER_US_MIN = 30_000;
/** With at most so many other members, a HELLO that was sent this share of the interval ago is repeated as soon as another member's comes. */
export const TOGETHER_MEMBERS_MAX = 16;
export const TOGETHER_INTERVALS = 0.6;
/** A member is gone after this many of its intervals without any packet. */
export const EXPIRY_INTERVALS = 5.6;
/** Times, after the start, of the announcements that solicit answers. */
export const ANNOUNCE_AT_US = [0, 60_000, 200_000] as const;
/** A push waits this long after the start, until the first answers must be here. */
export const SETTLE_US = 400_000;
/** Most members remembered: a bound for hostile floods. */
export const MEMBERS_MAX = 4_096;

/** OFFER: first repeat, growing by half each time; and when a silent target is given up. */
export const OFFER_REPEAT_US = 20_000;
export const OFFER_REPEAT_US_MAX = 100_000;
export const OFFER_PATIENCE_US = 1_000_000;
/** A receiver without room leaves an offer unanswered for so long at most, lest it be counted as lost, and then says that it is busy. */
export const OFFER_KEPT_US = 400_000;
/** A target that lives but does not answer the offer holds up the others for this long at most. */
export const OPENING_PATIENCE_US = 5_000_000;
/** An owner's patience with a silent target. STATUS comes every 200 ms at least, so seven in a row must be lost. */
export const TARGET_PATIENCE_US = 1_500_000;
/** A target that lives but gets no further while all others wait for it; and one that flushes, renames, or reads its own tree. */
export const STALL_PATIENCE_US = 30_000_000;
export const SWITCH_PATIENCE_US = 300_000_000;
/** A receiver's patience with a silent owner, which sends SYNC every 100 ms at least. */
export const OWNER_PATIENCE_US = 3_000_000;
/** A prepared receiver asks the group for this long, this often (PROTOCOL §8.4). */
export const QUERY_FOR_US = 2_000_000;
export const QUERY_REPEAT_US = 200_000;
export const QUERY_SPREAD_US = 100_000;
/** VOUCH follows a QUERY after a random delay up to this, unless another member's is heard; and never sooner than this after the last. */
export const VOUCH_SPREAD_US = 50_000;

export const STATUS_INTERVAL_US = 20_000;
/**
 * Receivers of a push with at least so many targets take turns (PROTOCOL §7.6): one packet each every so many microseconds for each target, 15,625 a
 * second in all. With what delegates answer fewer than 20,000 a second reach the owner in any 10 ms.
 */
export const TURN_TARGETS_MIN = 16;
export const TURN_US = 64;
export const TURN_PERIOD_US_MAX = 200_000;
/** With more targets than this, so many are delegates, who answer polls (PROTOCOL §7.4); and polled STATUS of one is so far apart for each of them. */
export const ALL_ANSWER_MAX = 4;
export const DELEGATES = 3;
export const DELEGATE_SPACING_US = 400;
/** Each target adds this to the status interval, so that many do not flood the owner. */
export const STATUS_SPACING_US = 64;
/** No owner gets STATUS more often than this without a poll. */
export const STATUS_INTERVAL_US_MIN = 1_000;
/** Polled STATUS packets of one receiver are at least this apart for each target of the push: 20,000 a second in all. */
export const POLL_SPACING_US = 50;
export const STATUS_KEEPALIVE_US = 200_000;
export const SYNC_INTERVAL_US = 100_000;
/** After so many without any packet of its owner a push may well be over: what needs its room waits for that. */
export const FORLORN_SYNCS = 3;
/** SYNC after the last packet of a burst: not sooner than this after it. */
export const SYNC_SOON_US_MIN = 2_000;
export const COMMIT_REPEAT_US = 15_000;
export const COMMIT_REPEAT_US_MAX = 100_000;
/** END comes this long after the last outcome, and after the acknowledgement of that. */
export const END_DELAY_US = 10_000;
/** END and BYE are sent this often, this far apart. */
export const END_COPIES = 3;
export const END_SPACING_US = 15_000;

/**
 * REPORT: retransmission timeout, doubled each time; most packets unacknowledged; records made ahead of what is acknowledged, where there are
 * very many; and records, before a receiver stops using blocks.
 */
export const REPORT_TIMEOUT_US = 20_000;
export const REPORT_TIMEOUT_US_MAX = 200_000;
export const REPORT_WINDOW = 8;
/** REPORT_ACK comes so much later, well before the report would be repeated, or with so many packets to acknowledge, well before the window is full. */
export const REPORT_ACK_DELAY_US = 9_000;
export const REPORT_ACK_PACKETS = 6;
export const REPORT_AHEAD = 64;
export const REPORT_BACKLOG_MAX = 256;

/** NAK back-off: smallest, and the spread that each target adds. */
export const NAK_BACKOFF_US = 500;
export const NAK_SPREAD_US_PER_TARGET = 50;
export const NAK_SPREAD_US_MIN = 500;
export const NAK_SPREAD_US_MAX = 20_000;
/**
 * A receiver's NAKs are at least this far apart: what is missed meanwhile goes into the next one. In turns each wakes every member; else so
 * many round trips, within bounds, that repeats come before the window is used up, but not so often that all targets together flood the owner.
 */
export const NAK_SPACING_US_IN_TURNS = 10_000;
export const NAK_SPACING_US_MAX = 20_000;
export const NAK_SPACING_ROUND_TRIPS = 2;
export const NAK_SPACING_US_MIN = 1_000;
export const NAK_SPACING_US_PER_TARGET = 100;
/** Hold time after a NAK: this many round trips, between these bounds. */
export const NAK_HOLD_ROUND_TRIPS = 2;
export const NAK_HOLD_US_MIN = 4_000;
export const NAK_HOLD_US_MAX = 150_000;
/** A block starts anew after this many requests that brought nothing, while packets contradict it. */
export const VAIN_MAX = 6;
/** A push fails when one block's digest was wrong this often in a row. */
export const BROKEN_MAX = 8;
/** A repair lingers this many round trips, between these bounds. */
export const LINGER_ROUND_TRIPS = 1;
export const LINGER_US_MIN = 2_000;
export const LINGER_US_MAX = 60_000;
/**
 * A repeat for one target waits so long for others that miss the same: when all lose a packet, their first requests come within the spread of the
 * back-offs. After so many repeats that were for nothing, if they are half of all, a target gets none of its own any more.
 */
export const REPAIR_GATHER_US = 1_000;
export const VAIN_REPAIRS_MIN = 32;
/** While the window has no room for repeats that are due, it is looked at again this often. */
export const REPAIR_RETRY_US = 1_000;
/** What a round trip is taken for before the first measurement. */
export const ROUND_TRIP_US_FIRST = 5_000;
/** No round trip is longer: such a target would have been given up. It was the owner's own host that was held up, perhaps for hours. */
export const ROUND_TRIP_US_MAX = TARGET_PATIENCE_US;

/** Window: first size, floor and most, in packets. */
export const WINDOW_FIRST = 64;
export const WINDOW_MIN = 32;
export const WINDOW_MAX = 16_384;
/** Bursts that a window is sent in, each with a poll: as a rule, and so many times the share lost by chance more. */
export const SEGMENTS = 4;
export const CHANCE_SEGMENTS = 60;
/** Queue that a push makes for itself, in time: as a rule; and the most, where the threads of busy hosts wake late. */
export const QUEUE_US = 4_000;
export const QUEUE_US_MAX = 15_000;
/** It is longer by so many times what it differs by from round to round, a mean over about so many rounds. */
export const VARIATIONS = 5;
export const VARIATION_GAIN = 1 / 8;
/** By so many times after so many cuts in a row that have shortened it by what they must if nobody else is in it. */
export const ALONE_CUTS = 2;
export const VARIATIONS_ALONE = 15;
/** Others' is what a cut leaves of it beyond that: from this share of the round trip on, and so many times what it differs by. */
export const SHARE_TOLD = 0.05;
export const VARIATIONS_TOLD = 1.5;
/** And by so much times the share lost by chance: answers to polls are lost at that rate, too, of each target that paces the flow. */
export const CHANCE_QUEUE_US = 400_000;
/** Packets that it may always have in the queue: some bursts, as TCP has two on their way (Linux' small queues). */
export const BACKLOG = 96;
/** The first doubling ends with a queue of this length: what it brings is seen two round trips later. */
export const START_QUEUE_US = 3_500;
/** The smallest round trip to a member is remembered for so long: a push that starts while others fill the queues cannot measure it. */
export const BASE_MEMORY_US = 600_000_000;
/** Growth in each round trip: packets, and the share of the window while there is no queue. */
export const WINDOW_STEP = 8;
export const DELAY_GROWTH = 0.125;
/** Decrease: on loss (RFC 9438 §4.6); to shorten the queue to this share of what is wanted, and the strongest for that. */
export const WINDOW_DECREASE = 0.7;
export const DRAIN_TO = 0.65;
export const WINDOW_DRAIN_MIN = 0.5;
/** To this share of the window cuts go before the queue counts as others'; of what they have under way the push then takes so much, by steps of its window. */
export const CUT_MOST = 0.34;
export const SHARE_OF_OTHERS = 0.9;
export const AIM_STEP = 0.5;
/** So long it does without looking again whether they are still there; twice as long each time that they are, up to this. */
export const SHARE_US = 250_000;
export const SHARE_US_MAX = 4_000_000;
/** More chance loss than is known is believed only up to this share of the window that lost too much. */
export const CHANCE_WINDOW = 0.75;
/** Losses beyond chance: more than this share of what is usual, so many standard deviations, and so many packets: of few the deviation says little. */
export const CHANCE_SHARE = 1.5;
export const CHANCE_MARGIN = 4;
export const CHANCE_STRAY = 3;

/** The following numbers of blocks and slots are for blocks of so many bytes. Of larger ones there are as many fewer (`countFor`). */
export const USUAL_BLOCK_BYTES = 327_680;
/** Blocks that an owner's source is asked for at once: a short push is read in one go, and the source of a long one need not wait for its next task. */
export const READ_AHEAD = 4;
/** Blocks that a receiver's stage has at once: fewer messages between the threads, and still most slots take packets. */
export const STAGE_AHEAD = 8;
/** With fewer content blocks to come than this, the end of a push is near: every receiver looks for them as soon as it can. */
export const LEFT_NEAR = 12;
/** Slots that a push takes at most, at either side, and at least. */
export const PUSH_SLOTS_MAX = 32;
export const PUSH_SLOTS_MIN = 2;
/** Targets that take turns tell less often what they are done with: for each of them the window grows by this share of a slot, up to the most in all. */
export const TARGET_SLOTS = 0.4;
export const LARGE_PUSH_SLOTS_MAX = 448;
/** Pushes that one node sends at once; more wait. */
export const SENDERS_MAX = 4;
/** Pushes that wait; more are turned away. */
export const WAITING_MAX = 64;
/** A push that has ended is remembered for this long, to answer late packets. */
export const REMEMBER_US = 10_000_000;
export const REMEMBER_MAX = 1_024;
export const PROGRESS_US = 200_000;
/** After this long without a word a target is shown as silent. */
export const SILENT_US = 1_000_000;
