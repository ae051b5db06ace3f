// The home screen by hand: four calls to three backends with undici, side by side, and the answer in the shape of all other contestants.
import { Pool } from 'undici'

export const homePath = '/lendgate.mobile.v1.HomeService/GetHome'

/** Reads the flags that every contestant gets: --listen host:port --backend host:port. */
export function flags() {
  const value = name => process.argv[process.argv.indexOf(`--${name}`) + 1]
  const [host, port] = value('listen').split(':')
  return { host, port: Number(port), backend: `http://${value('backend')}` }
}

/** Makes the function that asks one RPC in Connect's JSON. */
export function asker(backend) {
  const pool = new Pool(backend, { connections: 128, pipelining: 1 })
  return async (path, message) => {
    const { statusCode, body } = await pool.request({
      path, method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(message),
    })
    if (statusCode !== 200) throw new Error(`${path}: ${statusCode} ${await body.text()}`)
    return body.json()
  }
}

/** Asks for all that the home screen shows. */
export async function questions(ask) {
  const [person, loans, , notices] = await Promise.all([
    ask('/lendgate.identity.v1.PersonService/GetPerson', {}),
    ask('/lendgate.loans.v1.LoanService/ListLoans', { page: { pageSize: 10 } }),
    ask('/lendgate.loans.v1.ApplicationService/ListApplications', { page: { pageSize: 1 } }),
    ask('/lendgate.push.v1.NotificationService/ListNotifications', { page: { pageSize: 5 } }),
  ])
  return { person: person.person, loans: loans.loans ?? [], notices: notices.notifications ?? [] }
}

/** Shapes the answers. */
export function shape({ person, loans, notices }) {
  const status = { state: 'STATE_OK' }
  return {
    greeting: { status, givenName: person.profile.givenName },
    loans: { status, loans: loans.map(card) },
    application: { status },
    notices: { status, notices: notices.map(n => ({ notificationId: n.id, title: n.title, body: n.body, createTime: n.createTime })) },
  }
}

function card(loan) {
  const state = loan.state.slice('STATE_'.length)
  return {
    loanId: loan.id, number: loan.number, state, stateText: state === 'ACTIVE' ? 'Діючий' : state,
    outstanding: amount(loan.totalOutstanding), nextDue: amount(loan.nextDue), nextDueDate: loan.nextDueDate,
  }
}

function amount(money) {
  const minor = money.minorUnits.padStart(3, '0')
  const whole = minor.slice(0, -2).replace(/\B(?=(\d{3})+$)/g, '\u00a0')
  return { money, display: `${whole},${minor.slice(-2)}\u00a0₴` }
}
