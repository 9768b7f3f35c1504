-- The requests that wrk sends. LOAD_KIND selects a kind of request; the other LOAD_… variables
-- contain the data for the requests. wrk runs this script in one thread, so `count` makes the email
-- of every signup and every idempotency key unique.

local run, count = os.getenv("LOAD_RUN"), 0
local emails, products

local function listed(variable)
  local values = {}
  for value in os.getenv(variable):gmatch("[^,]+") do
    values[#values + 1] = value
  end
  return values
end

local kinds = {}

function kinds.signup()
  return string.format(
    '{"name":"Newcomer","email":"newcomer-%s-%d@bench.example.com","password":"%s"}',
    run, count, os.getenv("LOAD_PASSWORD"))
end

function kinds.login()
  return string.format('{"email":"%s","password":"%s"}',
    emails[count % #emails + 1], os.getenv("LOAD_PASSWORD"))
end

-- Two random products, and a new idempotency key, as the API documentation recommends.
function kinds.order()
  local first = math.random(#products)
  local second = (first + math.random(#products - 1) - 1) % #products + 1
  wrk.headers["Idempotency-Key"] = run .. "-" .. count
  return string.format(
    '{"items":[{"product_id":%s,"quantity":%d},{"product_id":%s,"quantity":%d}]}',
    products[first], math.random(3), products[second], math.random(3))
end

function kinds.graphql()
  return os.getenv("LOAD_QUERY")
end

-- The two calls of the REST API that one GraphQL query replaces, in turn.
local function page()
  count = count + 1
  return wrk.format("GET", count % 2 == 0 and wrk.path or wrk.path .. "/orders?limit=20")
end

function init()
  math.randomseed(os.time())
  emails, products = listed("LOAD_EMAILS"), listed("LOAD_PRODUCTS")
  local token, body = os.getenv("LOAD_TOKEN"), kinds[os.getenv("LOAD_KIND")]
  if token ~= "" then
    wrk.headers["Authorization"] = "Bearer " .. token
  end
  if os.getenv("LOAD_KIND") == "page" then
    request = page
  elseif body then
    wrk.method, wrk.headers["Content-Type"] = "POST", "application/json"
    request = function()
      count = count + 1
      return wrk.format(nil, nil, nil, body())
    end
  end
end

function done(summary)
  local errors = summary.errors
  io.write(string.format('\n{"requests": %d, "microseconds": %d, "refused": %d, "broken": %d}\n',
    summary.requests, summary.duration, errors.status,
    errors.connect + errors.read + errors.write + errors.timeout))
end
