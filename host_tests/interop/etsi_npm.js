// The npm package coap as server and as client of the ETSI plugtests.
//
//   node etsi_npm.js serve PORT    the plugtests' resources, until the process is ended
//   node etsi_npm.js ask           requests, a line of JSON each on stdin, answered by one on stdout
//
// The form of requests and answers is that of etsi_peer.py.
'use strict'

const coap = require('coap')
const readline = require('readline')

const ACK_TIMEOUT_S = 0.2
const SEPARATE_MS = 300
const OPTION_NAMES = { 1: 'If-Match', 4: 'ETag', 5: 'If-None-Match', 12: 'Content-Format', 17: 'Accept' }
const METHODS = { 1: 'GET', 2: 'POST', 3: 'PUT', 4: 'DELETE' }
const TEXT = Buffer.alloc(0)
const LINKS = Buffer.from([40])
const XML = Buffer.from([41])
const LINK_SET = [
  ['/test', 'rt="Type1 Type2";if="If1"', { rt: ['Type1', 'Type2'], if: ['If1'] }],
  ['/validate', 'rt="Type2 Type3";if="If2";sz=10', { rt: ['Type2', 'Type3'], if: ['If2'], sz: ['10'] }],
  ['/query', 'rt="Type1 Type3";if="foo"', { rt: ['Type1', 'Type3'], if: ['foo'] }],
  ['/separate', 'rt=""', { rt: [''] }],
  ['/link1', '', {}],
  ['/link2', '', {}],
  ['/link3', '', {}],
  ['/path', 'ct=40', { ct: ['40'] }],
  ['/alternate', 'anchor="/test";rel="alternate"', { anchor: ['/test'], rel: ['alternate'] }]
]

let test = Buffer.from('test')
let value = Buffer.from('value 0')
let version = 1
let created = null

function answer (res, code, payload, format) {
  res.code = code
  if (format !== undefined) res.setOption('Content-Format', format)
  res.end(payload)
}

// The values of an option: strings where the package converts them (ETag, Accept), else buffers.
function options (req, name) {
  return req._packet.options.filter((option) => option.name === name).map((option) => option.value)
}

function links (queries) {
  return LINK_SET.filter(([target, , attributes]) => queries.every((query) => {
    const at = query.indexOf('=')
    const [name, wanted] = [query.slice(0, at), query.slice(at + 1)]
    const values = name === 'href' ? [target] : (attributes[name] || [])
    return values.some((one) => wanted.endsWith('*') ? one.startsWith(wanted.slice(0, -1)) : one === wanted)
  })).map(([target, attributes]) => `<${target}>${attributes ? ';' + attributes : ''}`).join(',')
}

const RESOURCES = {
  '/test': {
    GET: (req, res) => answer(res, '2.05', test, TEXT),
    PUT: (req, res) => { test = req.payload; answer(res, '2.04') },
    POST: (req, res) => {
      res.setOption('Location-Path', ['location1', 'location2', 'location3'].map((part) => Buffer.from(part)))
      answer(res, '2.01')
    },
    DELETE: (req, res) => answer(res, '2.02')
  },
  '/alternate': { GET: (req, res) => answer(res, '2.05', test, TEXT) },
  '/seg1/seg2/seg3': { GET: (req, res, path) => answer(res, '2.05', path, TEXT) },
  '/path/sub1': { GET: (req, res, path) => answer(res, '2.05', path, TEXT) },
  '/query': { GET: (req, res) => answer(res, '2.05', options(req, 'Uri-Query').join('&'), TEXT) },
  '/separate': { GET: (req, res) => setTimeout(() => answer(res, '2.05', 'separate', TEXT), SEPARATE_MS) },
  '/location-query': {
    POST: (req, res) => {
      res.setOption('Location-Query', ['first=1', 'second=2'].map((part) => Buffer.from(part)))
      answer(res, '2.01')
    }
  },
  '/multi-format': {
    GET: (req, res) => {
      const wanted = options(req, 'Accept')[0]
      if (wanted === undefined || wanted === 'text/plain') answer(res, '2.05', 'text', TEXT)
      else if (wanted === 'application/xml') answer(res, '2.05', '<text/>', XML)
      else answer(res, '4.06')
    }
  },
  '/validate': {
    GET: (req, res) => {
      const etag = Buffer.from('v' + version)
      const known = options(req, 'ETag').includes(String(etag))
      res.setOption('ETag', etag)
      if (known) answer(res, '2.03')
      else answer(res, '2.05', value, TEXT)
    },
    PUT: (req, res) => {
      const wanted = options(req, 'If-Match')
      if (wanted.length && !wanted.some((one) => one.equals(Buffer.from('v' + version)))) return answer(res, '4.12')
      value = req.payload
      version++
      answer(res, '2.04')
    }
  },
  '/create1': {
    PUT: (req, res) => {
      const existed = created !== null
      if (existed && options(req, 'If-None-Match').length) return answer(res, '4.12')
      created = req.payload
      answer(res, existed ? '2.04' : '2.01')
    },
    DELETE: (req, res) => { created = null; answer(res, '2.02') }
  },
  '/path': { GET: (req, res) => answer(res, '2.05', '</path/sub1>', LINKS) },
  '/.well-known/core': {
    GET: (req, res) => answer(res, '2.05', links(options(req, 'Uri-Query').map(String)), LINKS)
  }
}

function serve (port) {
  const server = coap.createServer({ type: 'udp4' }, (req, res) => {
    const path = '/' + options(req, 'Uri-Path').join('/')
    const resource = RESOURCES[path]
    if (!resource) answer(res, '4.04')
    else if (!resource[req.method]) answer(res, '4.05')
    else resource[req.method](req, res, path)
  })
  server.listen(port, '127.0.0.1', () => console.log('ready'))
}

function ask (wanted) {
  const req = coap.request({
    hostname: '127.0.0.1',
    port: wanted.port,
    method: METHODS[wanted.code],
    confirmable: wanted.type === 0,
    pathname: '/' + wanted.path.map(encodeURIComponent).join('/'),
    query: wanted.queries.join('&')
  })
  for (const [number, value] of wanted.options) req.setOption(OPTION_NAMES[number], Buffer.from(value, 'hex'))
  req.on('response', (res) => {
    const [major, detail] = res.code.split('.').map(Number)
    console.log(JSON.stringify({ code: major << 5 | detail, options: [], payload: res.payload.toString('hex') }))
  })
  req.on('error', (error) => console.log(JSON.stringify({ reason: error.message })))
  req.end(Buffer.from(wanted.payload, 'hex'))
}

coap.updateTiming({ ackTimeout: ACK_TIMEOUT_S })
if (process.argv[2] === 'serve') {
  serve(Number(process.argv[3]))
} else {
  const lines = readline.createInterface({ input: process.stdin })
  lines.on('line', (line) => ask(JSON.parse(line)))
  lines.on('close', () => process.exit())
  console.log('ready')
}
