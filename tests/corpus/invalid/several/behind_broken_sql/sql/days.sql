-- Umsatz je Tag
select "Tag" as tag, sum("Umsatz") as umsatz
from verkauf
where "Tag" >= date '{{ var.vno }}' and "Tag" < '2026-13-01' and "Kunde" <> '{{ env.TEST }}'
	and "Statuz" = 'ok'
group by "Tag"
having sum("Umsatz") > $mindst
