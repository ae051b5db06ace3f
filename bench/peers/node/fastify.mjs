// A backend for frontends on fastify and undici, without checks.
import Fastify from 'fastify'
import { asker, flags, homePath, questions, shape } from './screen.mjs'

const { host, port, backend } = flags()
const ask = asker(backend)
const app = Fastify({ logger: false })
app.post(homePath, async () => shape(await questions(ask)))
await app.listen({ host, port })
