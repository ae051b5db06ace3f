package push

import (
	"context"
	"errors"

	"github.com/lendgate/lendgate/integrations/kit"
	"github.com/lendgate/lendgate/integrations/kit/smstext"
	"github.com/lendgate/lendgate/integrations/turbosms"
)

// sendSMS hands a text message over. It calls once: whether and when to call again is the row's business.
func (s *Service) sendSMS(ctx context.Context, l *letter) outcome {
	messageID, err := s.sms.Send(ctx, turbosms.Message{Phone: l.phone, Text: l.message.Body})
	if err != nil {
		return failed(providerTurboSMS, err)
	}
	// What it costs is counted here and not asked for: the provider bills by the networks' rules.
	return outcome{
		verdict: kit.OutcomeDone, provider: providerTurboSMS, providerID: messageID, parts: int32(smstext.Count(l.message.Body).Parts),
	}
}

// failed reads an adapter's error. Its free text stays out: it may quote a phone back at us. What is left is three words, who:outcome:code,
// which staff may read and alerts may count.
func failed(provider string, err error) outcome {
	out := outcome{verdict: kit.OutcomeOf(err), provider: provider}
	out.failure = provider + ":" + out.verdict.String() + ":" + kit.CodeOf(err)
	var known *kit.Error
	if errors.As(err, &known) {
		out.asked = known.RetryAfter
	}
	return out
}
