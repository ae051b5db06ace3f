package mobile

import "strings"

// stateName is the short name of a state: "LOAN_STATE_ACTIVE", "STATE_ACTIVE" and "ACTIVE" are all ACTIVE.
func stateName(enum string) string {
	if i := strings.LastIndex(enum, "STATE_"); i >= 0 {
		return enum[i+len("STATE_"):]
	}
	return enum
}

// text finds the words for a key such as "loan.ACTIVE" in a language, else in English, else answers with the key.
func text(locale, key string) string {
	base, _, _ := strings.Cut(locale, "-")
	for _, candidate := range []string{base, "en"} {
		if words := texts(candidate)[key]; words != "" {
			return words
		}
	}
	return key
}

// reasonText says in words why an application was rejected. A code without words of its own gets the common ones.
func reasonText(locale, code string) string {
	if words := text(locale, "reason."+code); words != "reason."+code {
		return words
	}
	return text(locale, "reason.OTHER")
}

func texts(language string) map[string]string {
	switch language {
	case "uk":
		return map[string]string{
			"loan.APPROVED": "Гроші вже в дорозі", "loan.ACTIVE": "Діючий", "loan.CLOSED": "Погашено", "loan.CANCELLED": "Скасовано",
			"application.SUBMITTED": "Розглядаємо заявку", "application.OFFERED": "Оберіть пропозицію",
			"application.ACCEPTED": "Прочитайте й підпишіть договір", "application.SIGNED": "Гроші вже в дорозі",
			"application.DISBURSED": "Гроші надійшли", "application.REJECTED": "На жаль, ми не можемо схвалити заявку",
			"application.WITHDRAWN": "Ви відкликали заявку", "application.EXPIRED": "Строк дії заявки минув",
			"application.FAILED":         "Не вдалося виплатити гроші",
			"reason.INCOME_INSUFFICIENT": "Дохід замалий для такого платежу.", "reason.INSTALMENT_ABOVE_LIMIT": "Платіж завеликий для вашого доходу.",
			"reason.DEBT_BURDEN_HIGH": "Ви вже багато сплачуєте за іншими кредитами.", "reason.AGE_OUT_OF_RANGE": "Ваш вік поза межами наших умов.",
			"reason.EMPLOYMENT_UNSTABLE": "Недостатньо відомостей про роботу.", "reason.SCORE_LOW": "Недостатньо балів за нашою оцінкою.",
			"reason.EXISTING_LOAN":        "У вас уже є діючий кредит.",
			"reason.PAYMENT_HISTORY_POOR": "Були прострочені платежі.", "reason.PROFILE_INCOMPLETE": "У профілі бракує відомостей.",
			"reason.REVIEW_REQUIRED": "Ми не можемо ухвалити рішення без додаткових відомостей.", "reason.PRINCIPAL_ABOVE_LIMIT": "Сума завелика для вашого ліміту.",
			"reason.OTHER": "Заявка не відповідає нашим умовам.",
		}
	case "en":
		return map[string]string{
			"loan.APPROVED": "The money is on its way", "loan.ACTIVE": "Active", "loan.CLOSED": "Paid off", "loan.CANCELLED": "Cancelled",
			"application.SUBMITTED": "We are looking at your application", "application.OFFERED": "Choose an offer",
			"application.ACCEPTED": "Read and sign the agreement", "application.SIGNED": "The money is on its way",
			"application.DISBURSED": "The money has arrived", "application.REJECTED": "Unfortunately we cannot approve the application",
			"application.WITHDRAWN": "You withdrew the application", "application.EXPIRED": "The application has ended",
			"application.FAILED":         "The money could not be paid out",
			"reason.INCOME_INSUFFICIENT": "Your income is too low for this payment.", "reason.INSTALMENT_ABOVE_LIMIT": "The instalment is too high for your income.",
			"reason.DEBT_BURDEN_HIGH": "You already pay a lot on other loans.", "reason.AGE_OUT_OF_RANGE": "Your age is outside our terms.",
			"reason.EMPLOYMENT_UNSTABLE": "We know too little about your work.", "reason.SCORE_LOW": "Our assessment gave too few points.",
			"reason.EXISTING_LOAN":        "You have a loan with us already.",
			"reason.PAYMENT_HISTORY_POOR": "Payments were overdue.", "reason.PROFILE_INCOMPLETE": "Your profile misses some details.",
			"reason.REVIEW_REQUIRED": "We cannot decide without knowing more.", "reason.PRINCIPAL_ABOVE_LIMIT": "The amount is above your limit.",
			"reason.OTHER": "The application does not fit our terms.",
		}
	default:
		return nil
	}
}
