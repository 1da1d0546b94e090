-- The health of an AssumeRoleGrant. Its conditions follow kstatus.
local status = obj.status or {}
local conditions = {}
for _, condition in ipairs(status.conditions or {}) do
  conditions[condition.type] = condition
end
local ready = conditions.Ready
if ready == nil or status.observedGeneration ~= obj.metadata.generation then
  return {status = "Progressing", message = "crossrole has not looked at this generation yet"}
end
if conditions.Stalled ~= nil and conditions.Stalled.status == "True" then
  return {status = "Degraded", message = ready.reason .. ": " .. ready.message}
end
if ready.status ~= "True" then
  return {status = "Progressing", message = ready.message}
end
-- What the other side does not say yes to is not this object's fault, and may be meant so.
if conditions.HalfOpen ~= nil and conditions.HalfOpen.status == "True" then
  return {status = "Healthy", message = ready.message .. "; " .. conditions.HalfOpen.message}
end
return {status = "Healthy", message = ready.message}
