-- The health of an AccountClass.
local status = obj.status or {}
local ready
for _, condition in ipairs(status.conditions or {}) do
  if condition.type == "Ready" then
    ready = condition
  end
end
if ready == nil or status.observedGeneration ~= obj.metadata.generation then
  return {status = "Progressing", message = "crossrole has not looked at this generation yet"}
end
if ready.status == "True" then
  return {status = "Healthy", message = ready.message}
end
return {status = "Degraded", message = ready.reason .. ": " .. ready.message}
