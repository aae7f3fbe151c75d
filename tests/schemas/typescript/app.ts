// An app that builds events with the generated types. The compiler must accept it. Each error that a comment expects must
// occur: the compiler reports those that do not.

import type { CxgaugeEvent, FeedbackSubmitted, FeedbackSubmittedEvent, PurchaseCompleted, Scale } from "./events";

const scale: Scale = [0, 10];
const answer: FeedbackSubmitted = {
  feedback_id: "f-1",
  survey: "nps",
  score: 9,
  scale,
  customer_id: "c-17",
  reasons: ["speed"],
  labels: { brand: "acme", unused: 1 },
  comment: null,
};
const attributes = { specversion: "1.0", id: "e-1", source: "/shop", time: new Date().toISOString() } as const;
export const event: FeedbackSubmittedEvent = { ...attributes, type: "cx.feedback.submitted.v1", data: answer };
export const dismissed: FeedbackSubmitted = { feedback_id: "f-2", survey: "csat", score: null };
export const purchase: PurchaseCompleted = { order_id: "o-1", customer_id: "c-17", amount_minor: 1250, currency: "EUR" };

// The type tells which data an event has.
export function owner(received: CxgaugeEvent): string {
  switch (received.type) {
    case "cx.feedback.submitted.v1":
      return received.data.feedback_id;
    case "cx.ticket.message.v1":
      return received.data.ticket_id + received.data.author;
    default:
      // @ts-expect-error: not every event has a ticket
      return received.data.ticket_id;
  }
}

// @ts-expect-error: no such survey
export const wrongSurvey: FeedbackSubmitted = { ...answer, survey: "NPS" };
// @ts-expect-error: a score is a number
export const wrongScore: FeedbackSubmitted = { ...answer, score: "9" };
// @ts-expect-error: score is required
export const noScore: FeedbackSubmitted = { feedback_id: "f-3", survey: "nps" };
// @ts-expect-error: a scale has two ends
export const wrongScale: FeedbackSubmitted = { ...answer, scale: [0, 5, 10] };
// @ts-expect-error: a misspelled field
export const misspelled: FeedbackSubmitted = { ...answer, custmer_id: "c-17" };
// @ts-expect-error: no such currency
export const wrongCurrency: PurchaseCompleted = { ...purchase, currency: "EURO" };
// @ts-expect-error: data of another type
export const wrongData: CxgaugeEvent = { ...attributes, type: "cx.purchase.completed.v1", data: answer };
// @ts-expect-error: time is required
export const noTime: CxgaugeEvent = { ...event, time: undefined };
