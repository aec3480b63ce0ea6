// The npm package lwm2m-codec: requests, a line of JSON each on stdin, answered by one on stdout.
//
//   {"encode": "tlv" or "json", "path": "/3/0", "value": {"9": 100}}  {"payload": hex}
//   {"decode": "tlv" or "json", "path": "/3/0", "payload": hex}       {"value": {"9": 100}}
//
// What the package refuses is answered with {"error": text}. It names the resources that it knows;
// here they have their numbers.
'use strict'

const codec = require('lwm2m-codec')
const ids = require('lwm2m-id')
const readline = require('readline')

function numbered (oid, value) {
  if (value === null || typeof value !== 'object') return value
  const found = {}
  for (const key of Object.keys(value)) {
    const known = isNaN(key) && ids.getRid(oid, key)
    found[known ? known.value : key] = value[key]
  }
  return found
}

function answer (request) {
  if (request.encode) {
    const payload = codec.encode(request.encode, request.path, request.value)
    return { payload: Buffer.from(payload).toString('hex') }
  }
  const [, oid, iid] = request.path.split('/')
  const value = codec.decode(request.decode, request.path, Buffer.from(request.payload, 'hex'))
  if (iid !== undefined) return { value: numbered(oid, value) }
  const instances = {}
  for (const each of Object.keys(value)) instances[each] = numbered(oid, value[each])
  return { value: instances }
}

readline.createInterface({ input: process.stdin }).on('line', line => {
  let said
  try {
    said = answer(JSON.parse(line))
  } catch (error) {
    said = { error: String(error.message) }
  }
  console.log(JSON.stringify(said))
})
