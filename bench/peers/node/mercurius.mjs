// The home screen as GraphQL on mercurius, with the query compiled (JIT) and without checks. Clients ask for all fields.
import Fastify from 'fastify'
import mercurius from 'mercurius'
import { asker, flags, questions, shape } from './screen.mjs'

const { host, port, backend } = flags()
const ask = asker(backend)
const schema = `
  type Query { home: Home! }
  type Home { greeting: Greeting! loans: Loans! application: Application! notices: Notices! }
  type Status { state: String! }
  type Greeting { status: Status! givenName: String! }
  type Loans { status: Status! loans: [Loan!]! }
  type Loan {
    loanId: String! number: String! state: String! stateText: String! outstanding: Amount! nextDue: Amount! nextDueDate: Date!
  }
  type Amount { money: Money! display: String! }
  type Money { minorUnits: String! currencyCode: String! }
  type Date { year: Int! month: Int! day: Int! }
  type Application { status: Status! }
  type Notices { status: Status! notices: [Notice!]! }
  type Notice { notificationId: String! title: String! body: String! createTime: String! }
`
const app = Fastify({ logger: false })
app.register(mercurius, { schema, resolvers: { Query: { home: async () => shape(await questions(ask)) } }, jit: 1, path: '/graphql' })
await app.listen({ host, port })
